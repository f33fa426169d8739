import type { GuardPolicy } from '../domain/deploy-guard.ts'
import type { DryRunAnswer } from '../domain/dry-run.ts'
import type { Answerer, HandOverResult } from '../domain/hand-over.ts'
import type { Policy } from '../domain/policy.ts'
import type { ChangeLedger } from '../domain/ports/change-ledger.ts'
import type { AskedRun, AuditLedger, RunLedger, SwitchLedger } from '../domain/ports/ledger.ts'
import type { RunRequest } from '../domain/run.ts'

/** How a dry run is answered: at once, or by its id where sampling takes longer than a caller should wait. */
export type DryRunStart = { readonly kind: 'answered'; readonly answer: DryRunAnswer } | { readonly kind: 'started'; readonly id: string }

export interface ExplainedPolicy {
  readonly policy: string
  readonly matches: boolean
  readonly lacks: readonly { readonly matcher: string; readonly actual: string | undefined }[]
}

export type Reloaded =
  | { readonly kind: 'loaded' | 'unchanged'; readonly policies: number; readonly tokens: 'loaded' | 'unchanged' }
  | {
      readonly kind: 'bad'
      readonly problems: readonly {
        readonly file: string
        readonly line: number
        readonly column: number
        readonly path: string
        readonly message: string
      }[]
      /** What is wrong with the tokens file, where something is. */
      readonly tokens?: string
    }

/** Somebody takes the affair of a run over. */
export interface HandOverRequest {
  readonly runId: string
  readonly who: Answerer
  readonly reason?: string
  /** Astern also stops watching what it wrote. */
  readonly stopWatching: boolean
}

/** What the API lets people do; the app puts the parts together. */
export interface Operations {
  readonly ledger: RunLedger & AuditLedger & SwitchLedger & Pick<ChangeLedger, 'recordMarker'>
  dryRun(request: RunRequest): Promise<DryRunStart>
  /** The same for real, through the same guards. */
  run(request: RunRequest): Promise<AskedRun>
  policies(): readonly Policy[]
  /** The entries of `guards:`, in the order in which they are looked at. */
  guardPolicies(): readonly GuardPolicy[]
  match(labels: Readonly<Record<string, string>>): Policy | undefined
  explain(labels: Readonly<Record<string, string>>): readonly ExplainedPolicy[]
  reload(): Promise<Reloaded>
  switched(): void
  /** Hands the affair of a run over to somebody. */
  handOver(asked: HandOverRequest): Promise<HandOverResult>
  status(): Promise<Readonly<Record<string, unknown>>>
  ready(): Promise<{ readonly ready: boolean; readonly detail: string }>
  metrics(): Promise<{ readonly type: string; readonly text: string }>
  now(): number
  nextId(): string
}
