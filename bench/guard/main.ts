import { parseArgs } from 'node:util'
import { machine } from '../rows.ts'
import { bursts, delays, drifting, edge, goals, type Printed, passing, sameVersion, startBlips, troubled, type Work } from './tables.ts'

const PARTS: Readonly<Record<string, (work: Work) => Printed>> = {
  same: sameVersion,
  edge,
  moving: drifting,
  raw: troubled,
  blips: startBlips,
  bursts,
  delays,
  goals,
  passing
}

const USAGE = `npm run bench:guard -- [PART…] [--runs 2000] [--minutes 10]: ${Object.keys(PARTS).join(', ')}; without: all, some four minutes
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '2000' }, minutes: { type: 'string', default: '10' }, help: { type: 'boolean' } }
})
const runs = Number(values.runs)
const minutes = Number(values.minutes)
const valid = positionals.every(name => Object.hasOwn(PARTS, name)) && runs >= 10 && minutes >= 1 && Number.isInteger(runs * minutes)
if (!valid || values.help === true) {
  process.stderr.write(USAGE)
  process.exit(valid ? 0 : 2)
}

const began = performance.now()
const broken: string[] = []
process.stdout.write(`${machine()}, ${new Date().toISOString().slice(0, 10)}; ${runs} runs a cell, fewer where a table says so\n`)
for (const [name, part] of Object.entries(PARTS)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue
  const elapsed = (): string => `${Math.round((performance.now() - began) / 1_000)} s`
  const printed = part({ runs, minutes, progress: line => process.stderr.write(`${elapsed()} ${name}: ${line}\n`) })
  process.stdout.write(`\n${printed.title}\n\n${printed.text}\n`)
  broken.push(...printed.broken)
}
process.stdout.write(
  broken.length === 0
    ? "\nWilson's 95 % upper bound of Astern's false rollbacks is at most 1 % in every cell whose errors come independently.\n"
    : `\nThe promise of 1 % is not shown in these cells:\n${broken.map(line => `- ${line}\n`).join('')}`
)
process.exitCode = broken.length === 0 ? 0 : 1
