import { instantAt, isObject, type JsonObject, listAt, numberAt, objectAt, textAt, textMap } from '../base/json.ts'
import { type ObjectRef, objectPath } from '../domain/objects.ts'
import { INTENT_ANNOTATION } from '../domain/plan.ts'
import { templateIdentity, type Workload } from '../domain/workload.ts'

/** The uid of the object that controls this one; undefined where none does. */
export function controllerUid(object: JsonObject): string | undefined {
  return textAt(controllerOf(object), 'uid')
}

function controllerOf(object: JsonObject): unknown {
  return listAt(object, 'metadata', 'ownerReferences').find(reference => isObject(reference) && reference['controller'] === true)
}

/** The field manager that last wrote a part of the pod template. Managers that write only the status do not count. */
export function templateManager(metadata: JsonObject): { readonly manager: string; readonly at: number } | undefined {
  const owners = listAt(metadata, 'managedFields')
    .filter(isObject)
    .filter(entry => textAt(entry, 'subresource') === undefined && isObject(objectAt(entry, 'fieldsV1', 'f:spec')['f:template']))
    .flatMap(entry => {
      const at = instantAt(entry, 'time')
      return at === undefined ? [] : [{ manager: textAt(entry, 'manager') ?? '', at }]
    })
  return owners.sort((a, b) => b.at - a.at)[0]
}

type Common = Omit<Workload, 'strategy' | 'revisions' | 'rollout' | 'pods'>

/** Reads what every kind of workload has. `holder` is the object that has the template, where it is another one. */
export function commonOf(ref: ObjectRef, object: JsonObject, holder?: { readonly path: string; readonly object: JsonObject }): Common {
  const metadata = objectAt(object, 'metadata')
  const spec = objectAt(object, 'spec')
  const withTemplate = holder?.object ?? object
  const pointer = textAt(withTemplate, 'kind') === 'PodTemplate' ? '/template' : '/spec/template'
  const template = pointer === '/template' ? objectAt(withTemplate, 'template') : objectAt(withTemplate, 'spec', 'template')
  const managed = templateManager(objectAt(withTemplate, 'metadata'))
  const controller = controllerOf(object)
  const mark = textAt(withTemplate, 'metadata', 'annotations', INTENT_ANNOTATION)
  return {
    ref,
    uid: textAt(metadata, 'uid') ?? '',
    generation: numberAt(metadata, 'generation') ?? 0,
    resourceVersion: textAt(metadata, 'resourceVersion') ?? '',
    replicas: numberAt(spec, 'replicas') ?? 1,
    paused: spec['paused'] === true,
    deleting: metadata['deletionTimestamp'] !== undefined,
    labels: textMap(metadata['labels']),
    annotations: textMap(metadata['annotations']),
    ...(isObject(controller)
      ? {
          controller: {
            apiVersion: textAt(controller, 'apiVersion') ?? '',
            kind: textAt(controller, 'kind') ?? '',
            name: textAt(controller, 'name') ?? ''
          }
        }
      : {}),
    templateAt: {
      path: holder?.path ?? objectPath(ref),
      uid: textAt(withTemplate, 'metadata', 'uid') ?? '',
      pointer,
      annotated: Object.keys(objectAt(withTemplate, 'metadata', 'annotations')).length > 0,
      ...(mark === undefined ? {} : { mark })
    },
    template,
    identity: templateIdentity(template),
    ...(managed === undefined ? {} : { templateManagedAt: managed.at, templateManager: managed.manager })
  }
}
