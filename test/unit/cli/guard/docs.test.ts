import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { listAt, objectAt, textAt } from '../../../../src/base/json.ts'
import { EXIT } from '../../../../src/cli/exit.ts'
import { createProgram } from '../../../../src/cli/program.ts'
import { createTerminal } from '../../../../src/cli/terminal.ts'
import { DEPLOY_GUARD_RESULTS } from '../../../../src/domain/deploy-guard.ts'
import { astern } from '../../../support/guard-cli.ts'
import { ENDS, SAID, WATCHING } from '../../../support/guard-examples.ts'
import { ended, played } from '../../../support/played-guard.ts'

const page = readFileSync('docs/guard.md', 'utf8')
const section = (title: string): string => page.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? ''

/** The arguments of a command line as a shell would split it; of these pages only. */
function wordsOf(line: string): readonly string[] {
  return [...line.replace(/\s+#.*$/, '').matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '')
}

/** Every `astern guard` line of the page and of the help, without what stands before it. */
function commandLines(): readonly string[] {
  const help = createProgram(createTerminal()).commands.find(command => command.name() === 'guard')
  let shown = ''
  help?.configureOutput({ writeOut: text => (shown += text) }).outputHelp()
  return [...`${page}\n${shown}`.matchAll(/^.*?(astern guard (?:deploy|sts|ds)\/.*)$/gm)].map(([, line = '']) => line)
}

t.test('every command line of the page and of the help is one that works', async t => {
  const lines = [...new Set(commandLines())].filter(line => !line.includes('--kubeconfig'))
  t.ok(lines.length >= 6, lines.join('\n'))
  const { cwd, address } = await played(t, { scenes: Array.from({ length: 20 }, () => ENDS.pass) })
  for (const line of lines) {
    const args = wordsOf(line).slice(1)
    const target = args.map(word => word.replace(/^`|`$/g, ''))
    const command = astern(t, target, { cwd, env: { ASTERN_SERVER: address, ASTERN_TOKEN_FILE: join(cwd, 'token') } })
    t.equal(await command.ended, 0, `${line}\n${command.err()}`)
  }
})

t.test('the jobs are YAML, and name the files and outputs that there are', async t => {
  const [github, gitlab] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = '']): unknown => parse(text))
  const steps = listAt(github, 'jobs', 'deploy', 'steps')
  t.ok(steps.some(step => /exec npx astern guard/.test(textAt(step, 'run') ?? '') && textAt(step, 'id') === 'guard'))
  const reports = objectAt(gitlab, 'guard', 'artifacts', 'reports')
  t.match(listAt(gitlab, 'guard', 'script').at(-1), new RegExp(`--junit ${String(reports['junit'])} --dotenv ${String(reports['dotenv'])}`))

  const { cwd } = await ended(t, [WATCHING, ENDS.failed], ['--dotenv', 'guard.env'], { GITHUB_ACTIONS: 'true', GITHUB_OUTPUT: 'outputs' })
  const names = (text: string): readonly string[] => [...text.matchAll(/`([A-Za-z_-]+)`/g)].map(([, name = '']) => name)
  const outputs = [...readFileSync(join(cwd, 'outputs'), 'utf8').matchAll(/^([a-z-]+)<<end_/gm)].map(([, name]) => name)
  t.same(outputs, names(/the outputs are (.*?);/s.exec(section('GitHub Actions'))?.[1] ?? ''))
  const variables = [...readFileSync(join(cwd, 'guard.env'), 'utf8').matchAll(/^(\w+)=/gm)].map(([, name]) => name)
  t.same(variables, names(/Later jobs have (.*?)\.\n/s.exec(section('GitLab CI'))?.[1] ?? ''))
})

t.test('the table of options has every flag, and no other', async t => {
  const command = createProgram(createTerminal()).commands.find(one => one.name() === 'guard')
  const flags = command?.options.map(option => option.long ?? '') ?? []
  const rows = [...section('Options').matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`(--[a-z-]+)`/g)].map(([, flag]) => flag)
  )
  t.same([...rows, '--namespace'].sort(), [...flags].sort())
})

t.test('the table of exit codes has every code and every result', async t => {
  const rows = [...section('Exit codes').matchAll(/^\| ([\d, ]+) \| (.*?) \|/gm)].map(
    ([, codes = '', results = '']) =>
      [codes.split(', ').map(Number), [...results.matchAll(/`([a-z-]+)`/g)].map(([, word]) => word)] as const
  )
  t.same(rows.flatMap(([codes]) => codes).sort(), Object.values(EXIT).sort())
  t.same(
    rows
      .flatMap(([, results]) => results)
      .filter(word => word !== 'cancelled')
      .sort(),
    Object.keys(DEPLOY_GUARD_RESULTS).sort()
  )
})

t.test('the log of the page is what the command prints, but for times and names', async t => {
  const shown = [...(/```text\n([\s\S]*?)```/.exec(section('The log'))?.[1]?.trimEnd().split('\n') ?? [])]
  const { out } = await ended(t, [WATCHING, ENDS.pass])
  const bare = (line: string): string =>
    line
      .replace(/^\d\d:\d\d:\d\dZ /, '')
      .replace(/https?:\/\/[\w.:]+/, 'SERVER')
      .replace(/\d{4}-\d\d-\d\d,/, 'DATE,')
      .replace(/^guard +\S+ is/, 'guard ID is')
  const printed = out.trimEnd().split('\n').map(bare)
  for (const line of shown.filter(one => !/ (entry|watching) /.test(one))) t.ok(printed.includes(bare(line)), line)
  t.match(shown.at(-1), /^13:40:23Z watching {2}32s · pass ██████░░░░ 60 %, fail 4 % · errors: new 4 of 3,000/)
  t.ok(shown.length >= SAID.length + 6)
})
