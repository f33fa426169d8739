import type { RequestOptions } from 'node:https'

/** The kubeconfig is missing or unusable. The message says where Astern looked for it. */
export class KubeconfigError extends Error {}

/** The address of the API server, and the credentials for it. */
export interface ClusterConnection {
  readonly server: string
  /** Read afresh for every call, because tokens are rotated. */
  options(): Promise<RequestOptions>
}

/** What a pod finds in its environment to reach the API server. */
export interface InCluster {
  readonly server: string
  /** The folder with the service account's `token` and `ca.crt`. */
  readonly folder: string
}

/** Takes note of the credentials that a connection reads, so that nobody is told one. */
export type KnowCredential = (value: string) => void
