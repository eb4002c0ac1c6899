import { deleteOptionAnnotation, orphanAnnotation } from '../names.ts';

/** Annotations that mean something on every federated object. */
export const federatedAnnotations: Readonly<Record<string, string>> = {
  [orphanAnnotation]:
    '`"true"`: when this object is deleted, the objects in the clusters stay, without the label.',
  [deleteOptionAnnotation]:
    'JSON of DeleteOptions for the deletion in the clusters, such as `{"propagationPolicy":"Orphan"}`.',
};
