import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { MUTATIONS, type Mutation } from '../test/support/mutations.ts'

const run = promisify(execFile)

/** What no test reads: the copy has a link to the packages. */
const LEFT_OUT: ReadonlySet<string> = new Set(['node_modules', '.git', '.tap', 'dist'])

// Breaks a copy of the code, one mutation after the other, and sees that the named test fails.
const only = process.argv[2]
const wanted = MUTATIONS.filter(({ what }) => only === undefined || what.includes(only))
const waiting = wanted.values()
let done = 0
let survived = 0
// As many side by side as there are processors: each test file is a process of its own.
await Promise.all(Array.from({ length: availableParallelism() }, work))
process.stdout.write(`${survived} of ${wanted.length} survived\n`)
process.exitCode = survived === 0 && wanted.length > 0 ? 0 : 1

async function work(): Promise<void> {
  for (const mutation of waiting) {
    const fate = await fateOf(mutation)
    done += 1
    if (fate !== 'killed') survived += 1
    process.stdout.write(`${done}/${wanted.length} ${fate.padEnd(8)}  ${mutation.breaks}: ${mutation.what}\n`)
  }
}

/** `NOT RUN`: the file does not load, or has no such test any more, which would look like a test that passed. */
async function fateOf(mutation: Mutation): Promise<'killed' | 'SURVIVED' | 'NOT RUN'> {
  const copy = mkdtempSync(join(tmpdir(), 'astern-mutation-'))
  try {
    for (const name of readdirSync('.')) if (!LEFT_OUT.has(name)) cpSync(name, join(copy, name), { recursive: true })
    symlinkSync(resolve('node_modules'), join(copy, 'node_modules'))
    const file = join(copy, mutation.file)
    const text = readFileSync(file, 'utf8')
    if (text.split(mutation.from).length !== 2) throw new Error(`${mutation.file} does not have this once: ${mutation.from}`)
    writeFileSync(
      file,
      text.replace(mutation.from, () => mutation.to)
    )
    const result = await run(process.execPath, [mutation.test], { cwd: copy, timeout: 180_000, maxBuffer: 64 * 1024 * 1024 }).then(
      ({ stdout }) => stdout,
      (cause: { readonly stdout?: string }) => cause.stdout ?? ''
    )
    const told = result.split('\n').find(line => /^(?:not )?ok /.test(line) && line.includes(mutation.name))
    if (told === undefined) process.stderr.write(`${mutation.test} did not come to "${mutation.name}":\n${result.slice(-2_000)}\n`)
    return told === undefined ? 'NOT RUN' : told.startsWith('not ok') ? 'killed' : 'SURVIVED'
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}
