import type { Command } from 'commander'
import { readConfig, type ServeFlags } from '../config.ts'
import type { Finding, FindingState } from '../doctor/finding.ts'
import { CommandError, EXIT } from './exit.ts'
import { labelsOf } from './labels.ts'
import { several } from './several.ts'
import { plain, type Terminal } from './terminal.ts'

export function doctorCommand(program: Command, terminal: Terminal): void {
  program
    .command('doctor')
    .description('check what serve would need: rights, sources, clocks, channels, data folder, policies')
    .option('--policies <file>', 'policy file or folder (ASTERN_POLICIES; default policies.yaml)')
    .option('--listen <host:port>', 'address that serve would listen on (ASTERN_LISTEN)')
    .option('--mode <mode>', 'ceiling that serve would have (ASTERN_MODE; default dry-run)')
    .option('--data-dir <dir>', 'folder of the SQLite ledger (ASTERN_DATA_DIR; default data)')
    .option('--kubeconfig <file>', 'kubeconfig (KUBECONFIG; default: in-cluster, else kubectl’s)')
    .option('--context <name>', 'context of the kubeconfig (ASTERN_CONTEXT)')
    .option('--tokens <file>', 'who may call (ASTERN_TOKENS_FILE)')
    .option('--tls-cert <file>', 'certificate that serve would have (ASTERN_TLS_CERT_FILE)')
    .option('--tls-key <file>', 'its key (ASTERN_TLS_KEY_FILE)')
    .option('--label <label=value>', 'a label of an alert, to try the queries with; several times for several', several)
    .option('--send-test', 'send every channel in use a message that says that nothing is wrong')
    .option('--json', 'print {"findings": […]}')
    .addHelpText(
      'after',
      '\nExit codes: 0 all well (warnings included), 1 something is bad, 2 usage, 4 only: something cannot be reached.\n\nExamples:\n  astern doctor\n  astern doctor --mode auto --tokens tokens.yaml --send-test\n  astern doctor --label namespace=shop --label deployment=api\n  kubectl exec deploy/astern -- astern doctor'
    )
    .action(async (flags: ServeFlags & { readonly sendTest?: boolean; readonly json?: boolean; readonly label?: readonly string[] }) => {
      const { examine } = await import('../doctor/doctor.ts')
      const findings: Finding[] = []
      for await (const finding of examine(readConfig(flags), { sendTest: flags.sendTest === true, labels: labelsOf(flags.label ?? []) })) {
        findings.push(finding)
        if (flags.json !== true) printFinding(terminal, finding)
      }
      if (flags.json === true) terminal.line(JSON.stringify({ findings }, undefined, 2))
      const count = (state: FindingState): number => findings.filter(finding => finding.state === state).length
      if (count('bad') > 0) throw new CommandError(EXIT.bad, flags.json === true ? '' : `${count('bad') + count('unreachable')} to mend`)
      if (count('unreachable') > 0)
        throw new CommandError(EXIT.unreachable, flags.json === true ? '' : `${count('unreachable')} cannot be reached`)
      if (flags.json !== true) terminal.line(count('warning') === 0 ? 'all well' : `all well, ${count('warning')} to know about`)
    })
}

/** Wide enough for `rights in <namespace>` of usual length. */
const CHECK_WIDTH = 22

/** Prints what a check found, and what to do about it. */
export function printFinding(terminal: Terminal, { check, state, detail, todo }: Finding): void {
  const mark = { ok: terminal.good('✓'), warning: terminal.warn('!'), bad: terminal.bad('✗'), unreachable: terminal.bad('✗') }[state]
  terminal.line(`${mark} ${plain(check).padEnd(CHECK_WIDTH)} ${plain(detail)}`)
  if (todo !== undefined) terminal.line(`${' '.repeat(CHECK_WIDTH + 3)}${terminal.dim(`→ ${todo}`)}`)
}
