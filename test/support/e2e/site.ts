import type { Test } from 'tap'
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts'
import { CURRENT_ALERTMANAGER, CURRENT_PROMETHEUS, obtain } from '../cluster/go-build.ts'
import { openClients, type TestClients } from '../conformance/clients.ts'
import type { Site } from '../world/world.ts'

export interface RealSite {
  readonly plane: ControlPlane
  /** Somebody who may do everything. */
  readonly admin: TestClients
  readonly site: Site
}

/** A control plane of its own, with the releases of Prometheus and Alertmanager that users run: they find the pods by themselves. */
export async function openSite(t: Pick<Test, 'teardown'>): Promise<RealSite> {
  const plane = await startControlPlane()
  const admin = await openClients(plane.kubeconfig)
  t.teardown(async () => {
    admin.close()
    await plane.stop()
  })
  const site: Site = {
    kubeconfig: plane.kubeconfig,
    podCidr: plane.podCidr,
    current: { prometheus: [await obtain(CURRENT_PROMETHEUS)], alertmanager: [await obtain(CURRENT_ALERTMANAGER)] }
  }
  return { plane, admin, site }
}
