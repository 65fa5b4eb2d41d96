// Runs the tests of the standard (schema, mandatory, optional) over documents, and prints which fail.
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const library = pathToFileURL(process.argv[2] + '/node_modules/@secvisogram/csaf-validator-lib/').href
const load = (name) => import(library + name)
const [{ default: validate }, schema, mandatory, optional] = await Promise.all(
  ['validate.js', 'schemaTests.js', 'mandatoryTests.js', 'optionalTests.js'].map(load)
)
for (const path of process.argv.slice(3)) {
  const document = JSON.parse(readFileSync(path, 'utf8'))
  console.log('document', document.vulnerabilities.length)
  const strict = await validate([schema.csaf_2_0_strict, ...Object.values(mandatory)], document)
  for (const test of strict.tests.filter((t) => !t.isValid)) {
    console.log('invalid', test.name, JSON.stringify(test.errors.slice(0, 2)).slice(0, 600))
  }
  const softer = await validate(Object.values(optional), document)
  for (const test of softer.tests) {
    const said = [...test.errors, ...test.warnings]
    if (said.length) console.log('advice', test.name, said.length, JSON.stringify(said[0]).slice(0, 300))
  }
  console.log('tests', strict.tests.length > 30)
}
