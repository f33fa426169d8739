import type { Command } from 'commander'
import { LedgerError } from '../ledger/ledger-error.ts'
import { type AuditFile, openAuditFile } from '../ledger/sqlite/audit-file.ts'
import { CommandError, EXIT } from './exit.ts'
import type { Terminal } from './terminal.ts'

export function auditCommand(program: Command, terminal: Terminal): void {
  const audit = program.command('audit').description('the tamper-evident audit log')
  audit
    .command('verify')
    .description('find any edited, dropped or reordered row; also while Astern runs')
    .option('--data-dir <dir>', 'folder of the ledger', 'data')
    .option('--contains <hash>', 'a head that was kept elsewhere, which must be the hash of a row: finds a log whose end was cut off')
    .option('--json', 'print the report')
    .addHelpText('after', '\nExit codes: 0 the chain is whole, 1 it is not, 2 there is no ledger.')
    .action(async (flags: { readonly dataDir: string; readonly contains?: string; readonly json?: boolean }) => {
      const contains = flags.contains?.toLowerCase()
      if (contains !== undefined && !/^[0-9a-f]{16,64}$/.test(contains))
        throw new CommandError(
          EXIT.usage,
          '--contains takes the hash that `audit verify` prints: 64 digits of 0-9 and a-f, or the first 16 and more'
        )
      const report = await withFile(flags.dataDir, file => file.verify(contains))
      if (flags.json === true) terminal.line(JSON.stringify(report))
      else if (report.fault === undefined)
        terminal.line(
          `${terminal.good('✓')} ${report.rows} rows, an unbroken chain to ${report.head}${report.contains === undefined ? '' : `, with row ${report.contains}`}`
        )
      if (report.fault !== undefined)
        throw new CommandError(
          EXIT.bad,
          flags.json === true
            ? ''
            : report.fault.kind === 'cut'
              ? `the audit log was cut, or replaced: ${report.fault.detail}; the ${report.rows} rows that are there are a chain`
              : `the audit log was tampered with at row ${report.fault.seq} (${report.fault.kind}): ${report.fault.detail}; ${report.rows} rows before it are good`
        )
    })
  audit
    .command('export')
    .description('print every row as a line of JSON')
    .option('--data-dir <dir>', 'folder of the ledger', 'data')
    .option('--after <seq>', 'rows behind this one only', '0')
    .action(async (flags: { readonly dataDir: string; readonly after: string }) => {
      await withFile(flags.dataDir, async file => {
        let after = Number(flags.after)
        for (;;) {
          const rows = await file.rows(after, 1_000)
          for (const row of rows) terminal.line(JSON.stringify({ ...row, at: new Date(row.at).toISOString() }))
          const last = rows.at(-1)
          if (last === undefined) return
          after = last.seq
        }
      })
    })
  audit
    .command('delivery')
    .description('print what a sender posted, as it was received; also while Astern runs')
    .argument('<id>', 'the delivery, as rows of the audit log and the answer to the sender name it')
    .option('--data-dir <dir>', 'folder of the ledger', 'data')
    .addHelpText(
      'after',
      `
Raw deliveries are kept for 7 days (serve --keep-deliveries), up to 32 MiB of each source and day.

Examples:
  astern audit delivery 01K… --data-dir /var/lib/astern | jq '.alerts | length'

Exit codes: 0 printed, 1 its copy was not kept, 2 there is no such delivery, or no ledger.`
    )
    .action(async (id: string, flags: { readonly dataDir: string }) => {
      const body = await withFile(flags.dataDir, file => file.delivery(id))
      if (body === undefined) throw new CommandError(EXIT.usage, `there is no delivery ${id}: it never was, or is older than what is kept`)
      if (body === 'dropped')
        throw new CommandError(EXIT.bad, `the copy of ${id} was not kept: its source had sent too much that day; its alerts were taken`)
      terminal.line(new TextDecoder().decode(body))
    })
}

async function withFile<T>(folder: string, work: (file: AuditFile) => Promise<T>): Promise<T> {
  let file: AuditFile
  try {
    file = await openAuditFile(folder)
  } catch (cause) {
    if (cause instanceof LedgerError) throw new CommandError(EXIT.usage, cause.message, { cause })
    throw cause
  }
  try {
    return await work(file)
  } finally {
    await file.close()
  }
}
