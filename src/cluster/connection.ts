import type { ClusterConnection, InCluster, KnowCredential } from './access.ts'
import { serviceAccountConnection } from './service-account.ts'

export interface ConnectionOptions {
  /** One path, or several as kubectl takes them in `KUBECONFIG`. */
  readonly kubeconfig?: string
  readonly context?: string
  readonly inCluster?: InCluster
}

/** Connects by the kubeconfig that was named, else as the pod's service account, else by kubectl's default. @throws KubeconfigError */
export async function connect(options: ConnectionOptions, now: () => number, know: KnowCredential = () => {}): Promise<ClusterConnection> {
  if (options.kubeconfig === undefined && options.inCluster !== undefined) return serviceAccountConnection(options.inCluster, now, know)
  // The library that reads kubeconfigs costs 50 MB of memory and a quarter of a second. It is loaded here, so that a pod does not pay.
  const { kubeconfigConnection } = await import('./kubeconfig.ts')
  return kubeconfigConnection(options.kubeconfig, options.context, know)
}
