import { readFileSync } from 'node:fs'
import t from 'tap'
import { toldExamples } from '../../support/told-examples.ts'

t.test('the page shows what arrives in each channel for the same affair', async t => {
  t.equal(readFileSync('docs/told.md', 'utf8'), await toldExamples(), 'run `npm run told`')
})
