// Runs a driver's steps one after the other and reports each. Exits with 1 if any of them fails.
'use strict';

module.exports = async function steps(all) {
  for (const [name, step] of Object.entries(all)) {
    try {
      await step();
      console.log(`ok      ${name}`);
    } catch (error) {
      process.exitCode = 1;
      const answer = error.response ? ` (${error.response.status} ${JSON.stringify(error.response.data)})` : '';
      console.log(`FAILED  ${name}: ${error.message}${answer}`);
    }
  }
};
