import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type JsonObject, listAt, textAt } from '../../src/base/json.ts'
import { collectionPath, type ObjectRef } from '../../src/domain/objects.ts'
import { type Loopback, loopback } from '../support/channels/loopback.ts'
import { deploymentOf, ok } from '../support/conformance/clients.ts'
import { storyPolicy } from '../support/world/story-policy.ts'
import { openWorld, type Site, type World, type WorldOptions } from '../support/world/world.ts'

const CHANNELS = ['bot', 'incoming', 'pager', 'mail', 'teams', 'alertmanager', 'tool']

/** One Astern with channels of all kinds at once. */
export interface Scene {
  readonly world: World
  readonly places: Loopback
  deploy(name: string, replicas?: number): Promise<ObjectRef>
}

/** How a story's policy for a workload differs from the others. */
export type PolicyOf = (deployment: string, more: JsonObject) => JsonObject

export interface SceneOptions extends Pick<WorldOptions, 'defaults' | 'group'> {
  policies(policyOf: PolicyOf): readonly JsonObject[]
}

/** Opens a world whose people are in every channel. */
export async function openScene(t: Test, site: Site, namespace: string, { policies, ...more }: SceneOptions): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'astern-conversations-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const places = await loopback(t, folder)
  const world = await openWorld(t, site, namespace, {
    ...more,
    policies: policies((deployment, rest) =>
      storyPolicy(namespace, {
        name: deployment.replaceAll(/\W/g, ''),
        match: ['alertname="HighErrorRatio"', `deployment=~"${deployment}"`],
        escalate: { after: '2m', to: CHANNELS },
        ...rest
      })
    ),
    channels: url => ({ ...places.channels, alertmanager: { alertmanager: { url } } })
  })
  const { kube } = world.clients
  return {
    world,
    places,
    async deploy(name, replicas = 2) {
      const image = `${name.replace(/-\d+$/, '')}:v1`
      ok(await kube.post(`${collectionPath('Deployment', namespace)}?fieldManager=pipeline`, deploymentOf(name, image, { replicas })))
      return { kind: 'Deployment', namespace, name }
    }
  }
}

/** The alerts that Astern posted of an affair, as the real Alertmanager has them now. */
export async function firing({ alertmanager }: World, id: string): Promise<readonly unknown[]> {
  const alerts: unknown = await (await fetch(`${alertmanager.url}/api/v2/alerts`)).json()
  return listAt({ alerts }, 'alerts').filter(alert => textAt(alert, 'labels', 'astern_message')?.includes(id))
}
