import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import t from 'tap'
import { createProgram } from '../../../src/cli/program.ts'
import { createTerminal } from '../../../src/cli/terminal.ts'

// What the pages say of flags and variables, and what there is, side by side.

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' }).map(name => join('docs', name))
]
  .filter(file => file.endsWith('.md'))
  .map(file => ({ file, text: readFileSync(file, 'utf8') }))

/** Every command that does something, by its whole name, with its flags. */
function commandsOf(command: Command, before = ''): readonly (readonly [string, ReadonlyMap<string, string>])[] {
  return command.commands.flatMap(child => {
    const name = `${before}${child.name()}`
    if (child.commands.length > 0) return commandsOf(child, `${name} `)
    return [[name, new Map(child.options.map(option => [option.long ?? '', option.description] as const))] as const]
  })
}

const COMMANDS = new Map(commandsOf(createProgram(createTerminal())))
const ALL = new Set([...COMMANDS.values()].flatMap(flags => [...flags.keys()]))
/** Of every command, or of another program, in a span of its own. */
const ELSEWHERE = new Set([
  '--help',
  '--version',
  '--history-max',
  '--event-ttl',
  '--max-old-space-size',
  '--max-semi-space-size',
  '--to-revision',
  '--force-conflicts',
  // Of `npm run bench:guard`.
  '--runs',
  '--minutes'
])

const flagsIn = (text: string): readonly string[] => [...text.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)].map(([flag]) => flag)

t.test('every flag that a page names exists', async t => {
  const missing = pages.flatMap(({ file, text }) =>
    [...text.matchAll(/`(--[a-z][^`]*)`/g)]
      .flatMap(([, span = '']) => flagsIn(span))
      .filter(flag => !ALL.has(flag) && !ELSEWHERE.has(flag))
      .map(flag => `${file}: ${flag}`)
  )
  t.same(missing, [])
})

t.test('every command line in a page is one that the program takes', async t => {
  let lines = 0
  const wrong = pages.flatMap(({ file, text }) =>
    [...text.replaceAll(/\\\n\s*/g, ' ').matchAll(/(?<![\w/-])astern ([a-z][a-z -]*?)(?= -| *$|[^a-z -]|`)([^\n`#|]*)/gm)].flatMap(
      ([whole, words = '', rest = '']) => {
        const command = [...COMMANDS.keys()].find(name => words.trim() === name || words.trim().startsWith(`${name} `))
        if (command === undefined) return []
        lines += 1
        return flagsIn(rest)
          .filter(flag => COMMANDS.get(command)?.has(flag) !== true && flag !== '--help')
          .map(flag => `${file}: ${whole}: ${command} has no ${flag}`)
      }
    )
  )
  t.same(wrong, [])
  t.ok(lines > 20, `${lines} lines`)
})

t.test('the page of commands has every command with its flags, and no other', async t => {
  const page = readFileSync('docs/command-line.md', 'utf8')
  const rows = [...page.matchAll(/^\| `astern ([a-z -]+)` \| (.*?) \|/gm)].map(
    ([, name = '', flags = '']) => [name, [...flagsIn(flags)].sort()] as const
  )
  t.same(Object.fromEntries(rows), Object.fromEntries([...COMMANDS].map(([name, flags]) => [name, [...flags.keys()].sort()])))
})

t.test('the table of settings has every flag of serve with its twin in the environment, and no other', async t => {
  const page = readFileSync('docs/install.md', 'utf8').split('## Settings')[1] ?? ''
  const rows = [...page.matchAll(/^\| (`--[^|]*) \| ([^|]*) \|/gm)].flatMap(([, flags = '', variables = '']) => {
    const twins = [...variables.matchAll(/`([A-Z_]+)`/g)].map(found => found[1] ?? '')
    return flagsIn(flags).map((flag, index) => [flag, twins[index]] as const)
  })
  const program = [...(COMMANDS.get('serve') ?? [])].map(
    ([flag, description]) => [flag, /\(((?:ASTERN_|KUBECONFIG)[A-Z_]*)/.exec(description)?.[1]] as const
  )
  t.same(Object.fromEntries(rows), Object.fromEntries(program))
  for (const [flag, twin] of program) t.type(twin, 'string', `${flag} has its twin`)
})

t.test('every variable that a page or a chart names is read, and every one that is read has its place in a page', async t => {
  const charts = readdirSync('charts', { recursive: true, encoding: 'utf8' })
    .filter(name => /\.(tpl|ya?ml)$/.test(name))
    .map(name => ({ file: join('charts', name), text: readFileSync(join('charts', name), 'utf8') }))
  const named = (text: string): readonly string[] => [...text.matchAll(/\bASTERN_[A-Z]+(?:_[A-Z]+)*\b/g)].map(([name]) => name)
  // A setting of something that is not built: who sets it is told so.
  const read = new Set(named(readFileSync('src/config.ts', 'utf8')).filter(name => !name.startsWith('ASTERN_DATABASE_URL')))
  const parts = new Set(named(readFileSync('src/sandbox/real-parts.ts', 'utf8')))
  t.same(
    [...pages, ...charts].flatMap(({ file, text }) =>
      named(text)
        .filter(name => !read.has(name) && !parts.has(name))
        .map(name => `${file}: ${name}`)
    ),
    []
  )
  const told = new Set(pages.flatMap(({ text }) => named(text)))
  t.same(
    [...read].filter(name => !told.has(name)),
    []
  )
})
