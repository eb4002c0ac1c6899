import { connectS3 } from '../backup/s3-target.ts';
import type { Executors } from '../engine/executor.ts';
import { applyCni } from './apply-cni.ts';
import { clearStaleMember } from './clear-stale-member.ts';
import { copyPki } from './copy-pki.ts';
import { cordonAndDrain } from './cordon-and-drain.ts';
import { deleteNode } from './delete-node.ts';
import { fenceEtcd } from './fence-etcd.ts';
import { importImages } from './import-images.ts';
import { initControlPlane } from './init-control-plane.ts';
import { installKubernetes } from './install-kubernetes.ts';
import { installRuntime } from './install-runtime.ts';
import { joinControlPlane } from './join-control-plane.ts';
import { joinWorker } from './join-worker.ts';
import { leaveEtcd } from './leave-etcd.ts';
import { loadBundle } from './load-bundle.ts';
import { notHere } from './not-here.ts';
import { prepareHost } from './prepare-host.ts';
import { renewCertificates } from './renew-certificates.ts';
import { resetMachine } from './reset-machine.ts';
import { restoreEtcdWith } from './restore-etcd.ts';
import { setEndpoint } from './set-endpoint.ts';
import { setNode } from './set-node.ts';
import { setSans } from './set-sans.ts';
import { setStaticPodArgs } from './set-static-pod-args.ts';
import { snapshotEtcdWith } from './snapshot-etcd.ts';
import { storeKubeconfig } from './store-kubeconfig.ts';
import { uncordon } from './uncordon.ts';
import { upgradeControlPlane } from './upgrade-control-plane.ts';
import { upgradeWorker } from './upgrade-worker.ts';
import { verifyCluster } from './verify-cluster.ts';
import { verifyNode } from './verify-node.ts';

/** Every kind of step with what carries it out. */
export const executors: Executors = {
  'apply-cni': applyCni,
  'clear-stale-member': clearStaleMember,
  'copy-pki': copyPki,
  'cordon-and-drain': cordonAndDrain,
  'delete-node': deleteNode,
  'import-images': importImages,
  'fence-etcd': fenceEtcd,
  'init-control-plane': initControlPlane,
  'install-kubernetes': installKubernetes,
  'install-runtime': installRuntime,
  'join-control-plane': joinControlPlane,
  'join-worker': joinWorker,
  'leave-etcd': leaveEtcd,
  'load-bundle': loadBundle,
  'prepare-host': prepareHost,
  'renew-certificates': renewCertificates,
  'reset-machine': resetMachine,
  'set-endpoint': setEndpoint,
  'set-node': setNode,
  'set-sans': setSans,
  'set-static-pod-args': setStaticPodArgs,
  'store-kubeconfig': storeKubeconfig,
  uncordon: uncordon,
  'upgrade-control-plane': upgradeControlPlane,
  'upgrade-worker': upgradeWorker,
  'verify-cluster': verifyCluster,
  'verify-node': verifyNode,
  'restore-etcd': restoreEtcdWith(connectS3),
  'snapshot-etcd': snapshotEtcdWith(connectS3),
  'register-member': notHere('registering'),
  'unregister-member': notHere('unregistering'),
};
