import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decisions } from './decisions.ts'
import { forged } from './forged.ts'
import { large } from './large.ts'
import { alertToWrite, dryRuns } from './latency.ts'
import { matching } from './matching.ts'
import { machine, type Row, table } from './rows.ts'
import { sizes } from './sizes.ts'
import { start } from './start.ts'
import { storm } from './storm.ts'
import { templates } from './templates.ts'
import { webhook } from './webhook.ts'

const PARTS: Readonly<Record<string, (progress: (line: string) => void) => Promise<readonly Row[]> | readonly Row[]>> = {
  webhook,
  write: alertToWrite,
  matching,
  start,
  storm,
  'dry-run': dryRuns,
  decisions,
  forged,
  sizes,
  templates,
  large
}

const wanted = process.argv.slice(2)
const unknown = wanted.find(name => !Object.hasOwn(PARTS, name))
if (unknown !== undefined || wanted.includes('--help')) {
  process.stderr.write(`npm run bench -- [PART…]: ${Object.keys(PARTS).join(', ')}; without: all of them, some fifteen minutes\n`)
  process.exit(wanted.includes('--help') ? 0 : 2)
}

const rows: Row[] = []
for (const [name, part] of Object.entries(PARTS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  rows.push(...(await part(line => process.stderr.write(`${name}: ${line}\n`))))
}
process.stdout.write(`${machine()}, ${new Date().toISOString().slice(0, 10)}\n\n${table(rows)}\n`)
writeFileSync(join(import.meta.dirname, 'results.json'), `${JSON.stringify(rows, undefined, 2)}\n`)
