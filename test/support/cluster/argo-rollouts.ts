import type { Test } from 'tap'
import { freePort, startProcess, untilReady } from '../../../src/sandbox/processes.ts'
import type { TestClients } from '../conformance/clients.ts'
import { HANG_MS } from '../hang.ts'
import { installKind } from './gitops.ts'
import { ARGO_ROLLOUTS, ARGO_ROLLOUTS_CRDS, obtain, obtainModuleFiles } from './go-build.ts'

/** The real controller of Argo Rollouts, and its kinds. */
export async function startArgoRollouts(t: Test, clients: TestClients, kubeconfig: string): Promise<void> {
  for (const file of await obtainModuleFiles(ARGO_ROLLOUTS_CRDS)) await installKind(clients, file)
  const health = await freePort()
  const controller = startProcess(
    [await obtain(ARGO_ROLLOUTS)],
    ['--kubeconfig', kubeconfig, '--leader-elect=false', '--healthzPort', String(health), '--metricsPort', String(await freePort())]
  )
  t.teardown(() => controller.stop())
  await untilReady(`http://127.0.0.1:${health}/healthz`, controller, 'Argo Rollouts', HANG_MS)
}
