import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
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

/** What a worker is given, and what it tells. */
interface Job {
  readonly part: string
  readonly runs: number
  readonly minutes: number
}
type Told = { readonly progress: string } | { readonly printed: Printed }

const USAGE = `npm run bench:guard -- [PART…] [--runs 2000] [--minutes 10]: ${Object.keys(PARTS).join(', ')}; without: all, some five minutes on two cores\n`

if (isMainThread) await main()
else work(workerData as Job)

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { runs: { type: 'string', default: '2000' }, minutes: { type: 'string', default: '10' }, help: { type: 'boolean' } }
  })
  const runs = Number(values.runs)
  const minutes = Number(values.minutes)
  const valid =
    positionals.every(name => Object.hasOwn(PARTS, name)) &&
    Number.isInteger(runs) &&
    runs >= 10 &&
    Number.isInteger(minutes) &&
    minutes >= 1
  if (!valid || values.help === true) {
    process.stderr.write(USAGE)
    process.exit(valid ? 0 : 2)
  }
  const wanted = Object.keys(PARTS).filter(name => positionals.length === 0 || positionals.includes(name))
  const printed = await all(wanted.map(part => ({ part, runs, minutes })))
  process.stdout.write(`${machine()}, ${new Date().toISOString().slice(0, 10)}; ${runs} runs a cell, fewer where a table says so\n`)
  for (const { title, text } of printed) process.stdout.write(`\n${title}\n\n${text}\n`)
  const broken = printed.flatMap(one => one.broken)
  process.stdout.write(
    broken.length === 0
      ? "\nWilson's 95 % upper bound of Astern's false rollbacks is at most 1 % in every cell whose errors come independently.\n"
      : `\nThe promise of 1 % is not shown in these cells (fewer than 400 runs can't show it):\n${broken.map(line => `- ${line}\n`).join('')}`
  )
  process.exitCode = broken.length === 0 ? 0 : 1
}

/** Does the parts, as many at a time as there are cores; their tables come in their order. */
async function all(jobs: readonly Job[]): Promise<readonly Printed[]> {
  const waiting = [...jobs]
  const done = new Map<string, Printed>()
  const began = performance.now()
  const worker = async (): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      const { part } = job
      const elapsed = (): string => `${Math.round((performance.now() - began) / 1_000)} s`
      done.set(part, await inWorker(job, line => process.stderr.write(`${elapsed()} ${part}: ${line}\n`)))
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
  return jobs.flatMap(({ part }) => done.get(part) ?? [])
}

function inWorker(job: Job, progress: (line: string) => void): Promise<Printed> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: job })
    worker.on('message', (told: Told) => ('progress' in told ? progress(told.progress) : resolve(told.printed)))
    worker.on('error', reject)
  })
}

function work({ part, runs, minutes }: Job): void {
  const tell = (told: Told): void => parentPort?.postMessage(told)
  const printed = PARTS[part]?.({ runs, minutes, progress: progress => tell({ progress }) })
  if (printed !== undefined) tell({ printed })
}
