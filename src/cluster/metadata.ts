import { instantAt, isObject, type JsonObject, listAt, numberAt, objectAt, textAt, textMap } from '../base/json.ts'
import { type ObjectRef, objectPath } from '../domain/objects.ts'
import { INTENT_ANNOTATION } from '../domain/plan.ts'
import { isOneWayDoor } from '../domain/touched.ts'
import { type TemplateWriter, templateIdentity, type Workload } from '../domain/workload.ts'

/** The uid of the object that controls this one; undefined where none does. */
export function controllerUid(object: JsonObject): string | undefined {
  return textAt(controllerOf(object), 'uid')
}

/** Its name. */
export function controllerName(object: JsonObject): string | undefined {
  return textAt(controllerOf(object), 'name')
}

function controllerOf(object: JsonObject): unknown {
  return listAt(object, 'metadata', 'ownerReferences').find(reference => isObject(reference) && reference['controller'] === true)
}

/** The field manager that last wrote a part of the pod template. Managers that write only the status do not count. */
export function templateManager(
  metadata: JsonObject
): { readonly manager: string; readonly at: number; readonly onlyMarks: boolean } | undefined {
  return templateWriters(metadata)
    .flatMap(({ manager, at, onlyMarks }) => (at === undefined ? [] : [{ manager, at, onlyMarks }]))
    .sort((a, b) => b.at - a.at)[0]
}

/**
 * Every field manager that has a part of the pod template. One that wrote earlier than another still enforces its part.
 * A PodTemplate has the template at its root, so that place counts too.
 */
export function templateWriters(metadata: JsonObject): readonly (TemplateWriter & { readonly onlyMarks: boolean })[] {
  return listAt(metadata, 'managedFields').flatMap((entry, index) => {
    if (textAt(entry, 'subresource') !== undefined) return []
    const fields = objectAt(entry, 'fieldsV1')
    const template = objectAt(fields, 'f:spec')['f:template'] ?? fields['f:template']
    if (!isObject(template)) return []
    const at = instantAt(entry, 'time')
    return [{ manager: textAt(entry, 'manager') ?? '', index, ...(at === undefined ? {} : { at }), onlyMarks: isOnlyMarks(template) }]
  })
}

/** Whether these fields of a template are only annotations, and variables of containers. */
function isOnlyMarks(template: JsonObject): boolean {
  const keys = (fields: unknown): readonly string[] => Object.keys(objectAt(fields)).filter(key => key !== '.')
  const [metadata, spec] = [objectAt(template, 'f:metadata'), objectAt(template, 'f:spec')]
  const lists = keys(spec)
  const containers = lists.flatMap(list => keys(spec[list]).map(one => objectAt(spec, list, one)))
  return (
    keys(template).length > 0 &&
    keys(template).every(key => key === 'f:metadata' || key === 'f:spec') &&
    keys(metadata).every(key => key === 'f:annotations') &&
    lists.every(list => list === 'f:containers' || list === 'f:initContainers') &&
    containers.every(container => keys(container).every(key => key === 'f:env'))
  )
}

/** `minReadySeconds`: a pod counts as available once it was ready for so long. */
export function minReadyOf(object: JsonObject): Pick<Workload, 'minReadyMs'> {
  const seconds = numberAt(object, 'spec', 'minReadySeconds') ?? 0
  return seconds === 0 ? {} : { minReadyMs: seconds * 1_000 }
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
  const writers = templateWriters(objectAt(withTemplate, 'metadata'))
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
      ...(isOneWayDoor(textMap(objectAt(withTemplate, 'metadata')['annotations'])) ? { oneWay: true } : {}),
      ...(mark === undefined ? {} : { mark })
    },
    template,
    identity: templateIdentity(template),
    ...(managed === undefined
      ? {}
      : {
          templateManagedAt: managed.at,
          templateManager: managed.manager,
          ...(managed.onlyMarks ? { templateManagerOnlyMarks: true as const } : {})
        }),
    ...(writers.length === 0 ? {} : { templateWriters: writers })
  }
}
