import { writeFileSync } from 'node:fs'
import { toldExamples } from '../test/support/told-examples.ts'

writeFileSync('docs/told.md', await toldExamples())
