import t from 'tap'
import { guardView } from '../../../../src/api/guard-view.ts'
import { createLiveBlock } from '../../../../src/cli/guard/live-block.ts'
import { createGuardLog } from '../../../../src/cli/guard/log.ts'
import { ciText, jsonLine } from '../../../../src/cli/guard/plain-text.ts'
import { toldOf } from '../../../../src/cli/guard/told.ts'
import { verdictOf } from '../../../../src/cli/guard/verdict.ts'
import type { Terminal } from '../../../../src/cli/terminal.ts'
import type { DeployGuard } from '../../../../src/domain/deploy-guard.ts'
import { BEGUN, begun, errorsPart, standing, WATCHING } from '../../../support/guard-examples.ts'

const same = (text: string): string => text
const told = (scene: Partial<DeployGuard>) => toldOf(JSON.parse(JSON.stringify(guardView({ ...begun('g-1'), ...WATCHING, ...scene }))))

function opened(columns?: number) {
  let now = BEGUN
  const lines: string[] = []
  const written: string[] = []
  const terminal: Terminal = {
    isTerminal: columns !== undefined,
    line: (text = '') => {
      lines.push(text)
      written.push(`${text}\n`)
    },
    error: same,
    ...{ good: same, bad: same, warn: same, dim: same, bold: same }
  }
  const out = { columns: columns ?? 0, write: (text: string) => written.push(text) > 0 }
  const log = createGuardLog({ terminal, now: () => now, ...(columns === undefined ? {} : { live: createLiveBlock(out) }) })
  return {
    log,
    lines,
    written,
    pass(seconds: number) {
      for (let second = 0; second < seconds; second += 1) {
        now += 1_000
        log.tick()
      }
    }
  }
}

t.test('while nothing changes: a line every 20 s with both arms, a bar of evidence, and what is awaited', async t => {
  const { log, lines, pass } = opened()
  log.told(told({}))
  const before = lines.length
  pass(19)
  t.equal(lines.length, before)
  log.told(told({ awaits: 'the soak of 4m', standing: standing({ seconds: 49, parts: [errorsPart({ evidenceToPass: 0.72 })] }) }))
  t.equal(lines.length, before, 'counts that go on are no change')
  pass(1)
  t.equal(
    lines.at(-1),
    '13:40:20Z watching  49s · pass ███████░░░ 72 %, fail 4 % · errors: new 4 of 3,000 (0.13 %), old 11 of 9,000 (0.12 %) · awaits the soak of 4m'
  )
  pass(40)
  t.equal(lines.length, before + 3)
})

t.test('what was said already is not told again as what is awaited', async t => {
  const { log, lines } = opened()
  log.told(told({ said: ['the pods cannot be read'], awaits: 'the pods cannot be read' }))
  t.equal(lines.filter(line => line.includes('cannot be read')).length, 1)
})

t.test('evidence that is not complete is never shown as 100 %; what is nearer to its end has the bar', async t => {
  const { log, lines, pass } = opened()
  log.told(
    told({
      standing: standing({
        parts: [
          errorsPart({ evidenceToPass: 0.999, evidenceToFail: 0 }),
          errorsPart({ name: 'slower than 1 s', evidenceToPass: 0.2, evidenceToFail: 0.996 })
        ]
      })
    })
  )
  pass(20)
  t.match(lines.at(-1), /fail █████████░ 99 %, pass 20 % · slower than 1 s: new /)
})

t.test('on a terminal one line is written over, and cut to its width at 80 and at 120 columns', async t => {
  for (const columns of [80, 120]) {
    const { log, lines, written, pass } = opened(columns)
    log.told(told({}))
    const whole = lines.length
    pass(45)
    t.equal(lines.length, whole, 'no line is added by waiting')
    const live = written.filter(text => text.startsWith('\r'))
    t.ok(live.length >= 45)
    for (const text of live) t.ok(text.replace('\r\u001b[2K', '').length < columns, text)
    log.say('away', 'the server')
    t.equal(written.at(-3), '\r\u001b[2K', 'a whole line begins where the live one was erased')
    log.close()
    t.equal(written.at(-1), '\r\u001b[2K')
  }
})

t.test('foreign texts: what CI systems, terminals and readers would take for something else', async t => {
  t.equal(ciText('::error::x'), ': :error: :x')
  t.equal(ciText('at fe80::1'), 'at fe80::1')
  t.equal(ciText('##[error]x ##vso[task.x] ##teamcity[y'), '# #[error]x # #vso[task.x] # #teamcity[y')
  t.equal(ciText('a\r\nb\tc\u0007\u001b]8;;http://evil\u0007d\u009b2J\u2028e'), 'a b c d e')
  t.equal(ciText('\u202eabc\u200b\u2066'), 'abc')
  t.equal(ciText('x'.repeat(700)).length, 601)
  t.equal(ciText(undefined), '')
  const value = { a: '::stop-commands::x', b: '##[group]', c: '\u001b[0m\u2028\u202e', d: 'section_start:1:x' }
  t.strictSame(JSON.parse(jsonLine(value)), value)
  t.notMatch(jsonLine(value), /::|##|\u2028|\u202e|section_start:/)
})

t.test('a newer server’s words, and whatever else is no guard, are shown and prove nothing', async t => {
  for (const value of [
    undefined,
    null,
    3,
    [],
    {},
    { parts: 3, standing: { parts: [null, 3, {}] }, said: 'x', version: [], run: { id: 4 } }
  ])
    t.match(toldOf(value), { id: '', said: [] })
  const verdict = verdictOf({ kind: 'ended', told: toldOf({ result: 'half-passed', detail: 'new in 2028' }) }, {})
  t.match(verdict, { code: 3, headline: 'HALF-PASSED', cause: 'new in 2028' })
})
