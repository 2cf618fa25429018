// Passes; the tags are those of @cypress/grep.
describe('Submit', { tags: ['@smoke', '@journey:case-submission'] }, () => {
  for (const risk of ['low', 'high risk', 'a › b', '<b> & "q"']) it(`risk ${risk}`, () => expect(risk).to.be.ok);
});
