/** A ledger that cannot be opened: the message says what, where and what to do. */
export class LedgerError extends Error {}
