import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'

const SOAK = 'scripts/soak.ts'
const TAP = join(process.cwd(), 'node_modules/tap/dist/esm/index.js')

function soak(...args: readonly string[]): { readonly code: number | null; readonly out: string; readonly err: string } {
  const result = spawnSync(process.execPath, [SOAK, ...args], { encoding: 'utf8' })
  return { code: result.status, out: result.stdout, err: result.stderr }
}

t.test('help, and what cannot be understood', async t => {
  const help = soak('--help')
  t.equal(help.code, 0)
  t.match(help.out, 'npm run soak -- stories 20')
  for (const [args, says] of [
    [[], 'Say which part'],
    [['unit'], 'how many rounds'],
    [['unit', 'often'], '"often" is no number of rounds'],
    [['unit', '0'], '"0" is no number of rounds'],
    [['untit', '3'], '"untit" is no part'],
    [['docs', '3'], 'no test file'],
    [['unit', '3', '4'], '"4" is too much'],
    [['--loud', 'unit', '3'], '--loud']
  ] as const) {
    const wrong = soak(...args)
    t.equal(wrong.code, 2, args.join(' '))
    t.match(wrong.err, says)
    t.equal(wrong.out, '')
  }
})

t.test('a line for each round; the output of a failed one is kept and named', async t => {
  const folder = t.testdir({
    // Holds the first time only.
    'flaky.test.ts': `import { existsSync, writeFileSync } from 'node:fs'
import t from '${TAP}'
const mark = new URL('ran', import.meta.url)
t.notOk(existsSync(mark), 'it holds the second time too')
writeFileSync(mark, '')
`
  })
  const good = soak(join(folder, '*.test.ts'), '1')
  t.equal(good.code, 0, good.err)
  t.match(good.out, /^1 test file, beside 2 spinning processes\n.* {2}round 1 of 1 {2}pass {2}\d+\.\d s\n1 of 1 passed\n$/)

  const flaky = soak(join(folder, 'flaky.test.ts'), '1')
  t.equal(flaky.code, 1, flaky.err)
  t.match(flaky.out, /^0 of 1 passed$/m)
  const log = /round 1 of 1 {2}FAIL .* (\S+\.log)$/m.exec(flaky.out)?.[1] ?? ''
  t.match(readFileSync(log, 'utf8'), /it holds the second time too/)
  rmSync(dirname(log), { recursive: true })
})

t.test('nothing goes on spinning when it is interrupted, or killed', async t => {
  const folder = t.testdir({ 'long.test.ts': 'setTimeout(() => {}, 60_000)\n' })
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGKILL', null]
  ] as const) {
    const child = spawn(process.execPath, [SOAK, join(folder, 'long.test.ts'), '3'], { stdio: 'ignore' })
    const started = await until(
      () => childrenOf(child.pid ?? 0),
      children => children.length === 3 && children.filter(isSpinning).length === 2
    )
    child.kill(signal)
    t.equal((await once(child, 'exit'))[0], code, signal)
    await until(
      () => started.filter(isSpinning),
      left => left.length === 0
    )
    // Its round has a group of its own, and nothing could end that when the soak was killed.
    for (const pid of started.filter(pid => commandOf(pid) !== '')) process.kill(-Number(pid), 'SIGKILL')
  }
})

async function until<A>(look: () => A, holds: (seen: A) => boolean): Promise<A> {
  for (let seen = look(); ; seen = look()) {
    if (holds(seen)) return seen
    await sleep(50)
  }
}

function childrenOf(pid: number): readonly string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
}

function isSpinning(pid: string): boolean {
  return commandOf(pid).includes('process.ppid')
}

/** Empty once the process has ended. */
function commandOf(pid: string): string {
  return existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : ''
}
