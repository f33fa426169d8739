import type { Command } from 'commander'
import { VOCABULARY } from '../app/vocabulary.ts'
import { baseUrlFault } from '../base/redacted-url.ts'
import type { FindingState } from '../doctor/finding.ts'
import type { QueryFinding } from '../doctor/queries.ts'
import type { PolicyProblem } from '../policies/problem.ts'
import { publishedSchema } from '../policies/schema.ts'
import { type LoadOptions, loadPolicyPath, PolicyFileMissing } from '../policies/store.ts'
import { printFinding } from './doctor.ts'
import { CommandError, EXIT } from './exit.ts'
import { labelsOf } from './labels.ts'
import { several } from './several.ts'
import type { Terminal } from './terminal.ts'
import type { tryQueriesAt } from './try-queries.ts'

export function validateCommand(program: Command, terminal: Terminal): void {
  program
    .command('validate')
    .description('check policies; for CI')
    .argument('[path]', 'policy file or folder', 'policies.yaml')
    .option('--json', 'print {"valid", "policies", "guards", "problems", "warnings"}; with --prometheus "queries" too')
    .option('--no-files', 'do not look whether the files are there that policies name (tokens, certificates): in CI they are not')
    .option('--prometheus <url>', 'ask every query once, and tell of its type, its series and its cost')
    .option(
      '--label <label=value>',
      'a label of an alert, to ask the queries with; without it anything stands there; several times',
      several
    )
    .option('--schema', 'print the JSON Schema of policy files, and exit')
    .addHelpText(
      'after',
      '\nExit codes: 0 valid (warnings included), 1 bad, 2 missing or unreadable, 4 only: Prometheus cannot be reached.\n\nExamples:\n  astern validate\n  astern validate policies/ --json --no-files\n  astern validate --prometheus http://localhost:9090 --label namespace=shop --label deployment=api\n  astern validate --schema > policies.schema.json'
    )
    .action(async (path: string, options: Options) => {
      if (options.schema === true) {
        terminal.line(JSON.stringify(publishedSchema(VOCABULARY), undefined, 2))
        return
      }
      const labels = labelsOf(options.label ?? [])
      if (options.label !== undefined && options.prometheus === undefined)
        throw new CommandError(EXIT.usage, '--label goes with --prometheus: without it no query is asked')
      const fault = options.prometheus === undefined ? undefined : baseUrlFault(options.prometheus)
      if (fault !== undefined) throw new CommandError(EXIT.usage, `--prometheus ${fault}`)
      const result = await load(path, { lookAtFiles: options.files })
      if (result.kind === 'bad') {
        if (options.json === true) terminal.line(JSON.stringify({ valid: false, problems: result.problems }))
        else printProblems(terminal, result.problems)
        throw new CommandError(
          EXIT.bad,
          options.json === true ? '' : `${result.problems.length} ${result.problems.length === 1 ? 'problem' : 'problems'}`
        )
      }
      const { policies, guards, warnings } = result.set
      const queries = options.prometheus === undefined ? undefined : await queriesAt(options.prometheus, result.set, labels)
      const count = (state: FindingState): number => (queries ?? []).filter(finding => finding.state === state).length
      const valid = count('bad') === 0
      if (options.json === true)
        terminal.line(
          JSON.stringify({
            valid,
            policies: policies.map(({ name, mode }) => ({ name, mode })),
            guards: guards.map(({ name, mode, guards: { namespaces } }) => ({ name, mode, namespaces })),
            problems: [],
            warnings,
            ...(queries && { queries })
          })
        )
      else {
        printProblems(
          terminal,
          warnings.map(warning => ({ ...warning, message: `warning: ${warning.message}` }))
        )
        for (const policy of policies)
          terminal.line(
            `${terminal.good('✓')} ${policy.name} ${terminal.dim(`(${policy.mode}: ${policy.steps.map(step => step.action).join(' → ')})`)}`
          )
        for (const { name, mode, steps, guards: limits } of guards)
          terminal.line(
            `${terminal.good('✓')} guard ${name} ${terminal.dim(`(${mode}, ${limits.namespaces.join(', ')}: ${steps.map(step => step.action).join(' → ')})`)}`
          )
        for (const finding of queries ?? []) printFinding(terminal, finding)
        if (valid && count('unreachable') === 0) {
          const advice = warnings.length === 0 ? 'no problems' : `${warnings.length} ${warnings.length === 1 ? 'warning' : 'warnings'}`
          const ruled = guards.length === 0 ? '' : `, ${guards.length} ${guards.length === 1 ? 'guard' : 'guards'}`
          terminal.line(`${policies.length} ${policies.length === 1 ? 'policy' : 'policies'}${ruled}, ${advice}`)
        }
      }
      const told = (text: string): string => (options.json === true ? '' : text)
      if (!valid) throw new CommandError(EXIT.bad, told(`${count('bad')} of the queries would decide nothing`))
      if (count('unreachable') > 0) throw new CommandError(EXIT.unreachable, told('Prometheus cannot be asked'))
    })
}

interface Options {
  readonly json?: boolean
  readonly schema?: boolean
  readonly files: boolean
  readonly prometheus?: string
  readonly label?: readonly string[]
}

/** The clients of sources are loaded only here, because checking a file needs none. */
async function queriesAt(...args: Parameters<typeof tryQueriesAt>): Promise<readonly QueryFinding[]> {
  const { tryQueriesAt } = await import('./try-queries.ts')
  return tryQueriesAt(...args)
}

async function load(path: string, options: LoadOptions) {
  try {
    return await loadPolicyPath(path, VOCABULARY, options)
  } catch (cause) {
    if (cause instanceof PolicyFileMissing)
      throw new CommandError(EXIT.usage, cause.message.replace('give --policies the path', 'give the path'), { cause })
    throw cause
  }
}

export function printProblems(terminal: Terminal, problems: readonly PolicyProblem[]): void {
  for (const problem of problems) {
    terminal.error(
      `${terminal.bold(`${problem.file}:${problem.line}:${problem.column}`)} ${problem.path === '' ? '' : `${problem.path}: `}${problem.message}`
    )
  }
}
