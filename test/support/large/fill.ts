import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import https from 'node:https'
import type { JsonObject } from '../../../src/base/json.ts'
import type { ControlPlane } from '../cluster/control-plane.ts'

/** How many requests are under way at once while a cluster is filled. */
const ABREAST = 24

/** Sends objects to the API server as quickly as it takes them: the clients of the tests would take minutes. */
export async function fill(plane: Pick<ControlPlane, 'server' | 'token'>, path: string, objects: readonly JsonObject[]): Promise<void> {
  const agent = new https.Agent({ keepAlive: true, maxSockets: ABREAST, rejectUnauthorized: false })
  let next = 0
  const worker = async (): Promise<void> => {
    for (;;) {
      const object = objects[next]
      next += 1
      if (object === undefined) return
      const request = https.request(`${plane.server}${path}`, {
        agent,
        method: 'POST',
        headers: { authorization: `Bearer ${plane.token}`, 'content-type': 'application/json' }
      })
      request.end(JSON.stringify(object))
      const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage]
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(chunk as Buffer)
      if ((response.statusCode ?? 0) >= 300)
        throw new Error(`${path}: ${response.statusCode} ${Buffer.concat(chunks).toString().slice(0, 400)}`)
    }
  }
  await Promise.all(Array.from({ length: ABREAST }, worker))
  agent.destroy()
}

/** Lists with pages of 500, as kubectl does, and parses them. Answers with the milliseconds, the objects and the bytes. */
export async function rawList(
  plane: Pick<ControlPlane, 'server' | 'token'>,
  path: string
): Promise<{ readonly ms: number; readonly count: number; readonly bytes: number }> {
  const agent = new https.Agent({ keepAlive: true, rejectUnauthorized: false })
  const begun = performance.now()
  let token = ''
  let count = 0
  let bytes = 0
  do {
    const request = https.get(`${plane.server}${path}?limit=500&continue=${encodeURIComponent(token)}`, {
      agent,
      headers: { authorization: `Bearer ${plane.token}` }
    })
    const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage]
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks)
    const page = JSON.parse(text.toString('utf8')) as {
      readonly metadata: { readonly continue?: string }
      readonly items: readonly unknown[]
    }
    bytes += text.length
    count += page.items.length
    token = page.metadata.continue ?? ''
  } while (token !== '')
  agent.destroy()
  return { ms: performance.now() - begun, count, bytes }
}

/** A Deployment without pods that the API server answers with some 6 kB, each with a text of its own. */
export function bigDeployment(name: string): JsonObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels: { app: name }, annotations: { 'example.com/notes': randomBytes(600).toString('hex') } },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          containers: [
            {
              name: 'main',
              image: `registry.example.com/shop/${name}:v1`,
              env: Array.from({ length: 20 }, (_, index) => ({ name: `SETTING_${index}`, value: randomBytes(40).toString('hex') }))
            }
          ]
        }
      }
    }
  }
}

/** A pod of some 5 kB. `owner`: the ReplicaSet that controls it. */
export function bigPod(name: string, app: string, owner?: { readonly name: string; readonly uid: string }): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      labels: { app },
      ...(owner === undefined
        ? {}
        : { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner.name, uid: owner.uid, controller: true }] })
    },
    spec: {
      automountServiceAccountToken: false,
      containers: [
        {
          name: 'main',
          image: `registry.example.com/shop/${app}:v1`,
          env: Array.from({ length: 18 }, (_, index) => ({ name: `SETTING_${index}`, value: randomBytes(40).toString('hex') }))
        }
      ]
    }
  }
}
