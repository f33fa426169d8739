/** How a command ended, for scripts; `docs/operations.md` lists them. */
export const EXIT = {
  /** The command did what was asked. */
  ok: 0,
  /** The checked thing is bad. */
  bad: 1,
  /** Wrong usage, or a setting that cannot be used. */
  usage: 2,
  inconclusive: 3,
  /** Astern or a source could not be reached. */
  unreachable: 4,
  /** A guard failed, and nothing was taken back. */
  notUndone: 5,
  /** Another version was deployed meanwhile. */
  superseded: 6,
  /** Ended by SIGINT, and by SIGTERM. */
  interrupted: 130,
  terminated: 143
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Ends a command with a code and one message that says what, where, and what to do next. */
export class CommandError extends Error {
  readonly code: ExitCode
  constructor(code: ExitCode, message: string, options?: { readonly cause: unknown }) {
    super(message, options)
    this.code = code
  }
}
