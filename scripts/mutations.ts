import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { MUTATIONS, type Mutation } from '../test/support/mutations.ts'

const run = promisify(execFile)

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
    const killed = await isKilled(mutation)
    done += 1
    if (!killed) survived += 1
    process.stdout.write(`${done}/${wanted.length} ${killed ? 'killed  ' : 'SURVIVED'}  ${mutation.breaks}: ${mutation.what}\n`)
  }
}

async function isKilled(mutation: Mutation): Promise<boolean> {
  const copy = mkdtempSync(join(tmpdir(), 'astern-mutation-'))
  try {
    for (const name of ['src', 'test', 'bench', 'docs', 'package.json', 'policies.yaml', 'policies.schema.json', '.taprc', 'tsconfig.json'])
      cpSync(name, join(copy, name), { recursive: true })
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
    return result.split('\n').some(line => line.startsWith('not ok') && line.includes(mutation.name))
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}
