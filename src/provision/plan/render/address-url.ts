import { hostWithPort } from '../../../base/index.ts';

/** An https URL as etcd and kubeadm write it. */
export function addressUrl(address: string, port: number): string {
  return `https://${hostWithPort(address, port)}`;
}
