// Ends its process with the fault "crash".
const { it } = require('node:test');
const { fault } = require('./faults');

it('escalates', () => { fault('crash'); });
