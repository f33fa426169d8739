import type { Command } from 'commander'
import { VOCABULARY } from '../app/vocabulary.ts'
import type { PolicyProblem } from '../policies/problem.ts'
import { publishedSchema } from '../policies/schema.ts'
import { loadPolicyPath, PolicyFileMissing } from '../policies/store.ts'
import { CommandError, EXIT } from './exit.ts'
import type { Terminal } from './terminal.ts'

export function validateCommand(program: Command, terminal: Terminal): void {
  program
    .command('validate')
    .description('check policies; for CI')
    .argument('[path]', 'policy file or folder', 'policies.yaml')
    .option('--json', 'print {"valid", "policies", "problems", "warnings"}')
    .option('--schema', 'print the JSON Schema of policy files, and exit')
    .addHelpText(
      'after',
      '\nExit codes: 0 valid, 1 bad, 2 missing or unreadable.\n\nExamples:\n  astern validate\n  astern validate policies/ --json\n  astern validate --schema > policies.schema.json'
    )
    .action(async (path: string, options: { readonly json?: boolean; readonly schema?: boolean }) => {
      if (options.schema === true) {
        terminal.line(JSON.stringify(publishedSchema(VOCABULARY), undefined, 2))
        return
      }
      const result = await load(path)
      if (result.kind === 'bad') {
        if (options.json === true) terminal.line(JSON.stringify({ valid: false, problems: result.problems }))
        else printProblems(terminal, result.problems)
        throw new CommandError(
          EXIT.bad,
          options.json === true ? '' : `${result.problems.length} ${result.problems.length === 1 ? 'problem' : 'problems'}`
        )
      }
      const { policies, warnings } = result.set
      if (options.json === true)
        terminal.line(JSON.stringify({ valid: true, policies: policies.map(({ name, mode }) => ({ name, mode })), problems: [], warnings }))
      else {
        printProblems(
          terminal,
          warnings.map(warning => ({ ...warning, message: `warning: ${warning.message}` }))
        )
        for (const policy of policies)
          terminal.line(
            `${terminal.good('✓')} ${policy.name} ${terminal.dim(`(${policy.mode}: ${policy.steps.map(step => step.action).join(' → ')})`)}`
          )
        const advice = warnings.length === 0 ? 'no problems' : `${warnings.length} ${warnings.length === 1 ? 'warning' : 'warnings'}`
        terminal.line(`${policies.length} ${policies.length === 1 ? 'policy' : 'policies'}, ${advice}`)
      }
    })
}

async function load(path: string) {
  try {
    return await loadPolicyPath(path, VOCABULARY)
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
