import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, globSync, mkdtempSync, openSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

// Repeats a part of the tests on a busy machine: what fails once in twenty rounds is found here, and not by CI.
const HELP = `Usage: npm run soak -- PART N

Repeats a part of the tests N times beside two processes that do nothing but use the processor: a test that
waits too short, or for the wrong thing, fails here. Property tests take another seed each time. Prints a
line for each round. The output of each failed round is kept; its file is named.

PART is stories, unit or parts (folders of test/), or a test file, a folder, or a quoted glob.
N is how many rounds.

Examples:
  npm run soak -- stories 20
  npm run soak -- test/unit/pipeline/write.test.ts 50
  npm run soak -- 'test/unit/pipeline/*.test.ts' 10

Exit code: 0 every round passed, 1 at least one failed, 2 usage, 130 interrupted.
`

/** As many as the smallest machine that runs the tests has processors: the tests get about half of it. */
const SPINNERS = 2
/** How long a round that is interrupted gets to end before it is killed, milliseconds: it stops servers of its own. */
const GRACE_MS = 10_000
const FOLDERS = ['stories', 'unit', 'parts']
/** These start a real Prometheus and Alertmanager, which must be there before the first round. */
const NEED_SERVERS = /^test\/(stories|parts)\//
const TAP = resolve('node_modules/tap/dist/esm/run.mjs')
/** Looks now and then whether the soak is still there: it ends also when the soak was killed with -9. */
const SPIN = `while (process.ppid === ${process.pid}) for (const until = Date.now() + 200; Date.now() < until; );`

interface Wish {
  readonly files: readonly string[]
  readonly rounds: number
}

const children = new Set<ChildProcess>()
let interrupted = false
process.on('exit', () => {
  for (const child of children) signal(child, 'SIGKILL')
})
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => {
    interrupted = true
    for (const child of children) signal(child, 'SIGTERM')
    setTimeout(() => process.exit(130), GRACE_MS).unref()
  })

const wish = wishOf(process.argv.slice(2))
if (typeof wish === 'string') {
  process.stderr.write(`${wish}\nnpm run soak -- --help tells more.\n`)
  process.exitCode = 2
} else if (wish === undefined) process.stdout.write(HELP)
else process.exitCode = await soak(wish)

/** What the arguments ask for: undefined for the help, a sentence for what cannot be understood. */
function wishOf(args: readonly string[]): Wish | string | undefined {
  let parsed: ReturnType<typeof parse>
  try {
    parsed = parse(args)
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause)
  }
  const { values, positionals } = parsed
  if (values.help === true) return undefined
  const [part, rounds, ...rest] = positionals
  if (part === undefined || rounds === undefined) return 'Say which part, and how many rounds: npm run soak -- stories 20'
  if (rest.length > 0) return `There is one part and one number; "${rest.join(' ')}" is too much. Put a glob into quotes.`
  if (!/^[1-9]\d{0,4}$/.test(rounds)) return `"${rounds}" is no number of rounds: a whole number from 1 to 99999.`
  const files = filesOf(part)
  return files.length === 0 ? `"${part}" is no part, and no test file (*.test.ts) is found there.` : { files, rounds: Number(rounds) }
}

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], allowPositionals: true, options: { help: { type: 'boolean', short: 'h' } } })
}

function filesOf(part: string): readonly string[] {
  const at = FOLDERS.includes(part) ? join('test', part) : part
  const pattern = existsSync(at) && statSync(at).isDirectory() ? join(at, '**/*.test.ts') : at
  return globSync(pattern)
    .filter(file => file.endsWith('.test.ts'))
    .sort()
}

/** @returns the exit code. */
async function soak({ files, rounds }: Wish): Promise<number> {
  if (files.some(file => NEED_SERVERS.test(file))) {
    const { status } = spawnSync(process.execPath, ['scripts/obtain-parts.ts'], { stdio: 'inherit' })
    if (status !== 0) return 1
  }
  const kept = mkdtempSync(join(tmpdir(), 'astern-soak-'))
  process.stdout.write(`${files.length} test file${files.length === 1 ? '' : 's'}, beside ${SPINNERS} spinning processes\n`)
  const spinners = Array.from({ length: SPINNERS }, () => start(['-e', SPIN], 'ignore'))
  let done = 0
  let passed = 0
  while (done < rounds && !interrupted) {
    const log = join(kept, `round-${done + 1}.log`)
    const began = performance.now()
    const ok = await round(files, log)
    if (interrupted) break
    done += 1
    if (ok) {
      passed += 1
      rmSync(log)
    }
    const took = ((performance.now() - began) / 1_000).toFixed(1)
    process.stdout.write(
      `${new Date().toISOString()}  round ${done} of ${rounds}  ${ok ? 'pass' : 'FAIL'}  ${took} s${ok ? '' : `  ${log}`}\n`
    )
  }
  for (const spinner of spinners) signal(spinner, 'SIGKILL')
  process.stdout.write(`${passed} of ${done} passed${interrupted ? `; interrupted, ${rounds - done} not run` : ''}\n`)
  if (passed === done) rmSync(kept, { recursive: true })
  else process.stdout.write(`The output of what failed is in ${kept}\n`)
  if (interrupted) return 130
  return passed === done ? 0 : 1
}

async function round(files: readonly string[], log: string): Promise<boolean> {
  const output = openSync(log, 'w')
  try {
    const child = start([TAP, ...files], output)
    const [code]: unknown[] = await once(child, 'close')
    return code === 0
  } finally {
    closeSync(output)
  }
}

/** In a process group of its own, so that what it starts can be ended with it. */
function start(args: readonly string[], output: 'ignore' | number): ChildProcess {
  // Property tests take another seed in each round (test/support/seed.ts), and print the one that failed.
  const env = { ...process.env, ASTERN_SOAK: '1' }
  const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', output, output], env })
  children.add(child)
  child.on('close', () => children.delete(child))
  return child
}

function signal(child: ChildProcess, name: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, name)
  } catch (cause) {
    // It ended by itself meanwhile.
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ESRCH')) throw cause
  }
}
