/** DNS names and addresses that the certificate must carry for members that call this URL. */
export function webhookNames(url: string): readonly string[] {
  const service = /^service:\/\/([^/]+)\/([^/:]+)/.exec(url);
  if (service) {
    const [, namespace = '', name = ''] = service;
    // An API server checks the name of a Service without the cluster's domain.
    return [`${name}.${namespace}.svc`, `${name}.${namespace}`, `${name}.${namespace}.svc.cluster.local`];
  }
  const { hostname } = new URL(url);
  return [hostname.replace(/^\[|\]$/g, '')];
}
