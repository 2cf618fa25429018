// Stands for globalSetup and globalTeardown while tests are listed.
'use strict';
module.exports = async () => {};
