/** The gateway: Kafka over HTTP, for places that cannot hold a connection to Kafka. @module */
export { createGateway } from './app.ts'
export type { AccessEntry } from './around-each.ts'
export type { GatewayOptions } from './app.ts'
export type { Access, Role } from './access.ts'
export type { AuditEntry } from './audit.ts'
export type { AuthOptions, Credential } from './credentials.ts'
export { clusterLog } from './cluster-log.ts'
export type { ClusterLogOptions } from './cluster-log.ts'
export type {
  Appended,
  Cluster,
  ClusterRead,
  ClusterReadOptions,
  ClusterRecord,
  Header,
  PartitionBounds,
  RecordToAppend,
  TopicDescription,
} from './cluster.ts'
export type { TopicPartition, TopicPosition } from './topic-position.ts'
export type { GroupMember, GroupOffset, Groups, MemberOptions, Share } from './groups.ts'
export { clientCredentials } from './kafka/client-credentials.ts'
export type { ClientCredentialsOptions } from './kafka/client-credentials.ts'
export { kafkaCluster } from './kafka/index.ts'
export type { KafkaCluster, KafkaOptions, UnreadableBatch } from './kafka/index.ts'
export type { GatewayLimits } from './limits.ts'
export { memoryCluster } from './memory-cluster.ts'
export type { MemoryClusterOptions } from './memory-cluster.ts'
export { Refusal } from './refusal.ts'
export type { RefusalReason } from './refusal.ts'
export { startGateway } from './server.ts'
export type { ClusterStartOptions, RunningGateway, StartOptions } from './server.ts'
export type { TlsOptions } from './tls-files.ts'
export { withTail } from './tail/tail.ts'
export type { TailedCluster } from './tail/tail.ts'
export type { TailOptions } from './tail/options.ts'
export { upstreamCluster } from './upstream/index.ts'
export type { UpstreamCluster, UpstreamOptions } from './upstream/index.ts'
