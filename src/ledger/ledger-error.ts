/** The ledger cannot be opened. The message says what is wrong, where, and what to do. */
export class LedgerError extends Error {}
