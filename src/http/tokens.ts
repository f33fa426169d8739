import { readFileSync } from 'node:fs'
import type { Config } from '../config.ts'
import type { Authenticator } from './authentication.ts'
import { readTokens } from './listen.ts'

export type TokensReload =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'loaded' }
  /** `fresh`: it was not bad in this way when it was last looked at. */
  | { readonly kind: 'bad'; readonly fresh: boolean; readonly file: string; readonly message: string }

/** Who may call. The tokens file is read again on a reload, and a bad one leaves the tokens in force untouched. */
export interface Tokens {
  /** Judges each caller by the tokens that are in force at that moment. */
  readonly authenticator: Authenticator
  reload(): TokensReload
}

/** Reads the tokens for the first time. @throws ConfigError, TokensError where they cannot be used */
export function openTokens(config: Config): Tokens {
  // What the file held when the tokens in force were read, or a moment before: a change in between is then seen at the next look.
  let seen = textOf(config.tokensFile)
  let inForce = readTokens(config)
  let fault: string | undefined
  return {
    authenticator: {
      authenticate: (request, ...needed) => inForce.authenticate(request, ...needed),
      confirmed: source => inForce.confirmed(source),
      get needsAlertmanager() {
        return inForce.needsAlertmanager
      }
    },
    reload() {
      const file = config.tokensFile
      // A service without tokens gets none while it runs: whom it let in, and how high its ceiling is, was settled at its start.
      if (file === undefined) return { kind: 'unchanged' }
      const text = textOf(file)
      if (text === seen && fault === undefined) return { kind: 'unchanged' }
      try {
        inForce = readTokens(config)
        seen = text
        fault = undefined
        return { kind: 'loaded' }
      } catch (cause) {
        const message = cause instanceof Error ? cause.message : String(cause)
        const fresh = message !== fault
        fault = message
        return { kind: 'bad', fresh, file, message }
      }
    }
  }
}

function textOf(file: string | undefined): string | undefined {
  if (file === undefined) return undefined
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
