import { sql } from 'kysely'
import type { SchemaDialect } from '../database.ts'

export const SQLITE_SCHEMA: SchemaDialect = {
  rowNumber: 'integer',
  selfNumbering: column => column.autoIncrement(),
  async makeAuditAppendOnly(db) {
    await sql`create trigger audit_no_update before update on audit begin select raise(abort, 'the audit log is append-only'); end`.execute(
      db
    )
    await sql`create trigger audit_no_delete before delete on audit when old.seq > (select base_seq from audit_head where id = 1) begin select raise(abort, 'the audit log is append-only'); end`.execute(
      db
    )
  }
}
