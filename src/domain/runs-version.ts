import { type JsonObject, listAt, textAt } from '../base/json.ts'

/** Whether a pod template has an image of that version: its tag, or its digest. */
export function runsVersion(template: JsonObject, version: string): boolean {
  return ['containers', 'initContainers'].some(list =>
    listAt(template, 'spec', list).some(container => {
      const image = textAt(container, 'image') ?? ''
      return image.endsWith(`:${version}`) || image.endsWith(`@${version}`)
    })
  )
}
