import type { RequestOptions } from 'node:https'

/** The kubeconfig is missing or says nothing usable: the message says where it was looked for. */
export class KubeconfigError extends Error {}

/** Where the API server is, and how to be let in. */
export interface ClusterConnection {
  readonly server: string
  /** Fresh for every call: tokens are rotated. */
  options(): Promise<RequestOptions>
}

/** What a pod of the cluster is given. */
export interface InCluster {
  readonly server: string
  /** Folder with the service account's `token` and `ca.crt`. */
  readonly folder: string
}
