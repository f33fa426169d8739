import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { guardFolder } from '../../../support/guard-cli.ts'
import { ENDS, WATCHING } from '../../../support/guard-examples.ts'
import { ended } from '../../../support/played-guard.ts'
import type { Scene } from '../../../support/scripted-guards.ts'

const ESCAPE = '\u001b'
const EVIL = 'api\u001b[2J:1\n::error title=x::owned\r##[add-mask]secret \u202eevil section_start:1:a\r\u001b[0K'

t.test('nothing that a pod says is taken for a command, moves the cursor, or ends a line', async t => {
  const version = { ...WATCHING.version, images: [EVIL] }
  const evil: readonly Scene[] = [
    { ...WATCHING, version, said: [EVIL], failing: EVIL, awaits: EVIL },
    { ...ENDS.failed, detail: EVIL, run: { id: 'run-1', state: 'ended', wrote: false, outcome: 'denied', detail: EVIL } }
  ]
  const cwd = guardFolder(t)
  const files = { GITHUB_STEP_SUMMARY: join(cwd, 'step'), GITHUB_OUTPUT: join(cwd, 'out') }
  const flags = ['--summary', join(cwd, 'page.md'), '--junit', join(cwd, 'junit.xml'), '--dotenv', join(cwd, 'guard.env')]
  const { code, out } = await ended(t, evil, flags, { GITHUB_ACTIONS: 'true', ...files })
  t.equal(code, 5)
  t.notMatch(out, /[\r\u202e]/)
  t.notOk(out.includes(ESCAPE))
  const commands = out.split('\n').filter(line => line.includes('::') || line.includes('##['))
  t.equal(commands.length, 1, 'one annotation, and no other command')
  t.match(
    commands[0],
    /^::error title=astern guard Deployment\/shop\/api::FAIL, NOT ROLLED BACK \(exit 5\): api:1 : :error title=x: :owned/
  )
  t.notMatch(commands[0]?.slice(8), /::error|##\[/)
  t.notMatch(out, /section_start:/)
  for (const file of ['step', 'page.md', 'junit.xml', 'guard.env', 'out']) {
    const text = readFileSync(join(cwd, file), 'utf8')
    t.notMatch(text, /[\u202e\r]|##\[/, file)
    t.notOk(text.includes(ESCAPE), file)
  }

  const outputs = readFileSync(join(cwd, 'out'), 'utf8')
  t.match(outputs, /^result<<end_[0-9a-f]{32}\nfailed\nend_[0-9a-f]{32}\nexit-code<<end_[0-9a-f]{32}\n5\n/)
  t.match(readFileSync(join(cwd, 'junit.xml'), 'utf8'), /<failure message="FAIL, NOT ROLLED BACK">/)
})

t.test('--json: a line of JSON for each view and one for the end, which reads back as it was sent', async t => {
  const { code, out } = await ended(t, [{ ...WATCHING, failing: EVIL }, ENDS.inconclusive], ['--json'], { GITHUB_ACTIONS: 'true' })
  t.equal(code, 3)
  t.notMatch(out, /[\r\u202e]|::|##\[|section_start:/)
  t.notOk(out.includes(ESCAPE))
  const lines = out
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  t.match(lines[1], { event: 'guard', guard: { id: 'g-1', failing: EVIL } })
  t.match(lines.at(-1), { event: 'end', exitCode: 3, result: 'inconclusive', guard: 'g-1', url: /\/api\/v1\/guards\/g-1$/ })
})
