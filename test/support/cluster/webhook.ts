import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import https from 'node:https'
import type { Test } from 'tap'
import { type JsonObject, objectAt } from '../../../src/base/json.ts'
import { ok, type TestClients } from '../conformance/clients.ts'
import type { ControlPlane } from './control-plane.ts'

export interface AdmissionWebhook {
  readonly url: string
  readonly caBundle: string
  /** Ends it: from then on the API server finds nobody there. */
  close(): Promise<void>
}

/**
 * An admission webhook as Kyverno or Gatekeeper run one: it answers each review. It has the API server's own certificate, which is for
 * 127.0.0.1 as well.
 * @param answer the `response` of the review, but for its uid
 */
export async function startWebhook(
  t: Pick<Test, 'teardown'>,
  { certificate }: Pick<ControlPlane, 'certificate'>,
  answer: (request: JsonObject) => JsonObject
): Promise<AdmissionWebhook> {
  const cert = readFileSync(certificate)
  const server = https.createServer({ cert, key: readFileSync(certificate.replace(/\.crt$/, '.key')) }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const review = objectAt(JSON.parse(Buffer.concat(chunks).toString()))
      const asked = objectAt(review, 'request')
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ ...review, request: undefined, response: { uid: asked['uid'], ...answer(asked) } }))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the webhook got no port')
  const close = async (): Promise<void> => {
    server.close()
    server.closeAllConnections()
  }
  t.teardown(close)
  return { url: `https://127.0.0.1:${address.port}/`, caBundle: cert.toString('base64'), close }
}

/** Makes the API server ask the webhook about writes of these resources in one namespace. */
export async function register(
  t: Pick<Test, 'teardown'>,
  { kube }: Pick<TestClients, 'kube'>,
  webhook: Pick<AdmissionWebhook, 'url' | 'caBundle'>,
  {
    namespace,
    kind,
    resources
  }: { readonly namespace: string; readonly kind: 'Validating' | 'Mutating'; readonly resources: readonly string[] }
): Promise<void> {
  const path = `/apis/admissionregistration.k8s.io/v1/${kind.toLowerCase()}webhookconfigurations`
  const name = `${namespace}-${kind.toLowerCase()}`
  ok(
    await kube.post(path, {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: `${kind}WebhookConfiguration`,
      metadata: { name },
      webhooks: [
        {
          name: `${name}.astern.test`,
          clientConfig: webhook,
          rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['UPDATE', 'CREATE'], resources }],
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
          failurePolicy: 'Fail',
          sideEffects: 'None',
          timeoutSeconds: 5,
          admissionReviewVersions: ['v1']
        }
      ]
    })
  )
  t.teardown(() => kube.delete(`${path}/${name}`))
}

const DEPLOYMENTS = { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['deployments'] }

/** A policy of the API server itself (CEL), in one namespace. `reason`: absent, a denial is answered 422. */
export async function denyByPolicy(
  t: Pick<Test, 'teardown'>,
  { kube }: Pick<TestClients, 'kube'>,
  {
    namespace,
    expression,
    message,
    reason,
    rule = DEPLOYMENTS
  }: {
    readonly namespace: string
    readonly expression: string
    readonly message: string
    readonly reason?: string
    /** What it judges; without it Deployments. */
    readonly rule?: JsonObject
  }
): Promise<void> {
  const path = '/apis/admissionregistration.k8s.io/v1'
  const policies = `${path}/validatingadmissionpolicies`
  const bindings = `${path}/validatingadmissionpolicybindings`
  ok(
    await kube.post(policies, {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name: namespace },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: { resourceRules: [rule] },
        validations: [{ expression, message, ...(reason === undefined ? {} : { reason }) }]
      }
    })
  )
  ok(
    await kube.post(bindings, {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name: namespace },
      spec: {
        policyName: namespace,
        validationActions: ['Deny'],
        matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } }
      }
    })
  )
  t.teardown(async () => {
    await kube.delete(`${bindings}/${namespace}`)
    await kube.delete(`${policies}/${namespace}`)
  })
}
