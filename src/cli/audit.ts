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
