-- The ledger, version 1. Times are milliseconds since 1970 UTC; digests are 32-byte blobs; ids, states and documents
-- that people read are text. Every key starts with the tenant, so that no query can forget it.
--
-- Three kinds of table: the log (job_history and what proves it), facts that never change once written (jobs,
-- documents, artifacts, bundle_items, dags), and projections, which follow from the log and can be rebuilt from it.

CREATE TABLE meta (
  key   TEXT NOT NULL PRIMARY KEY,              -- schema_version, instance
  value TEXT NOT NULL
) WITHOUT ROWID;

-- ---------------------------------------------------------------- the log

CREATE TABLE job_history (
  tenant    TEXT    NOT NULL,
  seq       INTEGER NOT NULL,
  ts        INTEGER NOT NULL,
  subject   TEXT    NOT NULL,
  line      TEXT    NOT NULL,                   -- canonical JSON: exactly the bytes of the Merkle leaf
  leaf_hash BLOB    NOT NULL,
  PRIMARY KEY (tenant, seq)
) WITHOUT ROWID;
CREATE INDEX job_history_by_subject ON job_history (tenant, subject, seq);

CREATE TRIGGER job_history_no_update BEFORE UPDATE ON job_history
BEGIN SELECT RAISE(ABORT, 'job_history is append-only'); END;
CREATE TRIGGER job_history_no_delete BEFORE DELETE ON job_history
BEGIN SELECT RAISE(ABORT, 'job_history is append-only'); END;

CREATE TABLE log_heads (
  tenant        TEXT    NOT NULL PRIMARY KEY,
  size          INTEGER NOT NULL,
  nodes         BLOB    NOT NULL,               -- compact range: 32 bytes for each bit set in size, largest first
  last_ts       INTEGER NOT NULL,
  checkpoint_size INTEGER NOT NULL,             -- of the last checkpoint, 0 before the first
  checkpoint_at   INTEGER NOT NULL              -- when it was written, or when the log began
) WITHOUT ROWID;

-- Inner nodes from level 8 up, so that a proof or a past head reads at most 255 leaves a side.
CREATE TABLE log_nodes (
  tenant TEXT    NOT NULL,
  level  INTEGER NOT NULL,
  idx    INTEGER NOT NULL,
  hash   BLOB    NOT NULL,
  PRIMARY KEY (tenant, level, idx)
) WITHOUT ROWID;

CREATE TABLE checkpoints (
  tenant TEXT    NOT NULL,
  size   INTEGER NOT NULL,
  at     INTEGER NOT NULL,
  root   BLOB    NOT NULL,
  note   TEXT    NOT NULL,                      -- C2SP signed note
  PRIMARY KEY (tenant, size)
) WITHOUT ROWID;
CREATE TRIGGER checkpoints_no_update BEFORE UPDATE ON checkpoints
BEGIN SELECT RAISE(ABORT, 'checkpoints is append-only'); END;
CREATE TRIGGER checkpoints_no_delete BEFORE DELETE ON checkpoints
BEGIN SELECT RAISE(ABORT, 'checkpoints is append-only'); END;

-- ---------------------------------------------------------------- documents

CREATE TABLE documents (
  digest BLOB NOT NULL PRIMARY KEY,             -- SHA-256 of bytes
  bytes  BLOB NOT NULL
);
CREATE TRIGGER documents_no_update BEFORE UPDATE ON documents
BEGIN SELECT RAISE(ABORT, 'documents never change'); END;
CREATE TRIGGER documents_no_delete BEFORE DELETE ON documents
BEGIN SELECT RAISE(ABORT, 'documents never change'); END;

-- ---------------------------------------------------------------- jobs

CREATE TABLE jobs (
  tenant          TEXT    NOT NULL,
  job_id          TEXT    NOT NULL,
  job_type        TEXT    NOT NULL,
  source          TEXT    NOT NULL,
  project         TEXT,
  priority        INTEGER NOT NULL,             -- 0 to 9, higher goes first
  payload_digest  BLOB    NOT NULL,             -- a document
  dependencies    TEXT    NOT NULL,             -- JSON array of job ids
  idempotency_key TEXT    NOT NULL,
  correlation_id  TEXT,
  traceparent     TEXT,
  not_before      INTEGER,
  replay_of       TEXT,
  retry           TEXT    NOT NULL,             -- JSON {maxAttempts, baseMs, factor, capMs}
  actor           TEXT    NOT NULL,
  node            TEXT    NOT NULL,             -- instance it was submitted at, '' for this one: with the next two its
  submitted_seq   INTEGER NOT NULL,             -- hybrid logical clock stamp, as ts never decreases within a log
  submitted_at    INTEGER NOT NULL,
  PRIMARY KEY (tenant, job_id)
);
CREATE UNIQUE INDEX jobs_by_key ON jobs (tenant, idempotency_key);
CREATE UNIQUE INDEX jobs_by_time ON jobs (tenant, submitted_at, job_id);
CREATE TRIGGER jobs_no_update BEFORE UPDATE ON jobs
BEGIN SELECT RAISE(ABORT, 'jobs are immutable after submit'); END;
CREATE TRIGGER jobs_no_delete BEFORE DELETE ON jobs
BEGIN SELECT RAISE(ABORT, 'jobs are immutable after submit'); END;

CREATE TABLE job_dependencies (                 -- jobs.dependencies the other way round
  tenant     TEXT NOT NULL,
  depends_on TEXT NOT NULL,
  job_id     TEXT NOT NULL,
  PRIMARY KEY (tenant, depends_on, job_id)
) WITHOUT ROWID;

-- Projections. A job stands in exactly one of waiting (pending), ready (queued), leases (leased, running), finished.
-- `attempt` counts the leases granted; `token` is the fencing token of the last one.
CREATE TABLE waiting (
  tenant           TEXT    NOT NULL,
  job_id           TEXT    NOT NULL,
  gate             TEXT    NOT NULL,            -- not_before, dependency, backoff, quota, throttle, approval ...
  reason           TEXT    NOT NULL,
  since            INTEGER NOT NULL,
  next_eligible_at INTEGER,
  attempt          INTEGER NOT NULL,
  token            INTEGER NOT NULL,
  PRIMARY KEY (tenant, job_id)
) WITHOUT ROWID;
CREATE INDEX waiting_by_time ON waiting (tenant, next_eligible_at);

CREATE TABLE ready (                            -- the key is the order in which jobs are picked
  tenant   TEXT    NOT NULL,
  rank     INTEGER NOT NULL,                    -- 9 - priority
  seq      INTEGER NOT NULL,                    -- jobs.submitted_seq
  job_id   TEXT    NOT NULL,
  job_type TEXT    NOT NULL,
  source   TEXT    NOT NULL,
  since    INTEGER NOT NULL,
  attempt  INTEGER NOT NULL,
  token    INTEGER NOT NULL,
  PRIMARY KEY (tenant, rank, seq)
) WITHOUT ROWID;

CREATE TABLE leases (
  tenant      TEXT    NOT NULL,
  job_id      TEXT    NOT NULL,
  state       TEXT    NOT NULL,                 -- leased, running
  lease_id    TEXT    NOT NULL,
  worker      TEXT    NOT NULL,
  attempt     INTEGER NOT NULL,
  token       INTEGER NOT NULL,
  since       INTEGER NOT NULL,
  leased_at   INTEGER NOT NULL,
  lease_until INTEGER NOT NULL,                 -- as granted
  extended_until INTEGER,                       -- by heartbeats, which are not events
  PRIMARY KEY (tenant, job_id)
) WITHOUT ROWID;

CREATE TABLE finished (
  tenant  TEXT    NOT NULL,
  job_id  TEXT    NOT NULL,
  state   TEXT    NOT NULL,
  at      INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  token   INTEGER NOT NULL,
  outcome TEXT    NOT NULL,                     -- JSON: data of the ending event
  PRIMARY KEY (tenant, job_id)
) WITHOUT ROWID;

CREATE TABLE dead_letters (
  tenant TEXT    NOT NULL,
  job_id TEXT    NOT NULL,
  reason TEXT    NOT NULL,
  seq    INTEGER NOT NULL,
  at     INTEGER NOT NULL,
  PRIMARY KEY (tenant, job_id)
) WITHOUT ROWID;

-- ---------------------------------------------------------------- runs

CREATE TABLE runs (
  tenant       TEXT    NOT NULL,
  run_id       TEXT    NOT NULL,
  job_id       TEXT    NOT NULL,
  dag_id       TEXT    NOT NULL,
  dag_version  TEXT    NOT NULL,
  dag_digest   BLOB    NOT NULL,
  plan_hash    BLOB    NOT NULL,                -- a document
  inputs_hash  BLOB    NOT NULL,                -- a document
  run_token    TEXT    NOT NULL,
  steps_digest BLOB    NOT NULL,                -- of the planned steps: ids, plugins, order
  rationale    TEXT    NOT NULL,
  actor        TEXT    NOT NULL,
  reason       TEXT,
  ticket       TEXT,
  trace_id     TEXT,
  replay_of    TEXT,
  created_seq  INTEGER NOT NULL,
  created_at   INTEGER NOT NULL,
  state        TEXT    NOT NULL,
  outputs_hash BLOB,
  error        TEXT,
  started_at   INTEGER,
  ended_at     INTEGER,
  PRIMARY KEY (tenant, run_id),
  FOREIGN KEY (tenant, job_id) REFERENCES jobs (tenant, job_id)
);
CREATE UNIQUE INDEX runs_by_token ON runs (tenant, run_token, dag_id, inputs_hash);
CREATE UNIQUE INDEX runs_by_time ON runs (tenant, created_at, dag_id, run_id);
CREATE INDEX runs_unfinished ON runs (tenant, created_at, dag_id, run_id) WHERE ended_at IS NULL;
CREATE TRIGGER runs_frozen BEFORE UPDATE ON runs WHEN OLD.ended_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a run that ended never changes'); END;
CREATE TRIGGER runs_no_delete BEFORE DELETE ON runs
BEGIN SELECT RAISE(ABORT, 'runs are kept'); END;

CREATE TABLE steps (
  tenant       TEXT    NOT NULL,
  run_id       TEXT    NOT NULL,
  step_id      TEXT    NOT NULL,
  ordinal      INTEGER NOT NULL,                -- place in plan order
  plugin       TEXT    NOT NULL,
  state        TEXT    NOT NULL,
  attempt      INTEGER NOT NULL,
  step_hash    BLOB,
  inputs_hash  BLOB,
  outputs_hash BLOB,
  from_run     TEXT,
  error        TEXT,
  started_at   INTEGER,
  ended_at     INTEGER,
  PRIMARY KEY (tenant, run_id, step_id),
  FOREIGN KEY (tenant, run_id) REFERENCES runs (tenant, run_id)
) WITHOUT ROWID;
CREATE INDEX steps_cache ON steps (tenant, step_hash, ended_at) WHERE state = 'succeeded';
CREATE TRIGGER steps_frozen BEFORE UPDATE ON steps WHEN OLD.ended_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a step that ended never changes'); END;
CREATE TRIGGER steps_no_delete BEFORE DELETE ON steps
BEGIN SELECT RAISE(ABORT, 'steps are kept'); END;

CREATE TABLE attempts (
  tenant       TEXT    NOT NULL,
  run_id       TEXT    NOT NULL,
  step_id      TEXT    NOT NULL,
  attempt      INTEGER NOT NULL,
  outcome      TEXT    NOT NULL,
  exit         TEXT    NOT NULL,                -- JSON {code} or {signal}
  started_at   INTEGER NOT NULL,
  ended_at     INTEGER NOT NULL,
  evidence     TEXT    NOT NULL,                -- JSON of the sandbox
  outputs_hash BLOB,
  error        TEXT,
  PRIMARY KEY (tenant, run_id, step_id, attempt),
  FOREIGN KEY (tenant, run_id, step_id) REFERENCES steps (tenant, run_id, step_id)
) WITHOUT ROWID;
CREATE TRIGGER attempts_no_update BEFORE UPDATE ON attempts
BEGIN SELECT RAISE(ABORT, 'attempts never change'); END;
CREATE TRIGGER attempts_no_delete BEFORE DELETE ON attempts
BEGIN SELECT RAISE(ABORT, 'attempts are kept'); END;

CREATE TABLE artifacts (
  tenant     TEXT    NOT NULL,
  run_id     TEXT    NOT NULL,
  step_id    TEXT    NOT NULL,
  path       TEXT    NOT NULL,
  digest     BLOB    NOT NULL,
  size       INTEGER NOT NULL,
  executable INTEGER NOT NULL,
  media_type TEXT    NOT NULL,
  PRIMARY KEY (tenant, run_id, step_id, path),
  FOREIGN KEY (tenant, run_id, step_id) REFERENCES steps (tenant, run_id, step_id)
) WITHOUT ROWID;
CREATE INDEX artifacts_by_digest ON artifacts (digest);
CREATE TRIGGER artifacts_no_update BEFORE UPDATE ON artifacts
BEGIN SELECT RAISE(ABORT, 'artifacts never change'); END;
CREATE TRIGGER artifacts_no_delete BEFORE DELETE ON artifacts
BEGIN SELECT RAISE(ABORT, 'artifacts are kept'); END;

-- ---------------------------------------------------------------- bundles and DAGs

CREATE TABLE bundle_catalog (
  tenant          TEXT    NOT NULL,
  bundle_id       TEXT    NOT NULL,
  generation      TEXT    NOT NULL,             -- 20 decimal digits: all 64 bits, and text order is number order
  version         TEXT    NOT NULL,
  kind            TEXT    NOT NULL,
  manifest_sha256 BLOB    NOT NULL,             -- a document
  items_digest    BLOB    NOT NULL,
  imported_at     INTEGER NOT NULL,
  active          INTEGER NOT NULL,
  PRIMARY KEY (tenant, bundle_id, generation)
) WITHOUT ROWID;
CREATE UNIQUE INDEX bundle_catalog_one_active ON bundle_catalog (tenant, bundle_id) WHERE active = 1;

CREATE TABLE bundle_floors (                    -- the highest generation ever accepted; pruning does not lower it
  tenant     TEXT NOT NULL,
  bundle_id  TEXT NOT NULL,
  generation TEXT NOT NULL,
  PRIMARY KEY (tenant, bundle_id)
) WITHOUT ROWID;

CREATE TABLE bundle_items (
  tenant     TEXT    NOT NULL,
  bundle_id  TEXT    NOT NULL,
  generation TEXT    NOT NULL,
  path       TEXT    NOT NULL,
  digest     BLOB    NOT NULL,
  size       INTEGER NOT NULL,
  executable INTEGER NOT NULL,
  media_type TEXT    NOT NULL,
  PRIMARY KEY (tenant, bundle_id, generation, path),
  FOREIGN KEY (tenant, bundle_id, generation) REFERENCES bundle_catalog DEFERRABLE INITIALLY DEFERRED
) WITHOUT ROWID;
CREATE INDEX bundle_items_by_digest ON bundle_items (digest);
CREATE TRIGGER bundle_items_no_update BEFORE UPDATE ON bundle_items
BEGIN SELECT RAISE(ABORT, 'bundle items never change'); END;

CREATE TABLE dags (
  tenant     TEXT NOT NULL,
  dag_id     TEXT NOT NULL,
  version    TEXT NOT NULL,
  digest     BLOB NOT NULL,                     -- a document
  bundle_id  TEXT NOT NULL,
  generation TEXT NOT NULL,
  PRIMARY KEY (tenant, dag_id, version)
) WITHOUT ROWID;
CREATE TRIGGER dags_no_update BEFORE UPDATE ON dags
BEGIN SELECT RAISE(ABORT, 'a version of a DAG never changes'); END;

CREATE TABLE dag_edges (
  tenant    TEXT NOT NULL,
  dag_id    TEXT NOT NULL,
  version   TEXT NOT NULL,
  from_step TEXT NOT NULL,
  to_step   TEXT NOT NULL,
  PRIMARY KEY (tenant, dag_id, version, from_step, to_step),
  FOREIGN KEY (tenant, dag_id, version) REFERENCES dags (tenant, dag_id, version)
) WITHOUT ROWID;

-- ---------------------------------------------------------------- governance

CREATE TABLE sources (
  tenant      TEXT    NOT NULL,
  source      TEXT    NOT NULL,
  paused      INTEGER NOT NULL,
  body        TEXT    NOT NULL,                 -- JSON
  changed_seq INTEGER NOT NULL,
  changed_at  INTEGER NOT NULL,
  PRIMARY KEY (tenant, source)
) WITHOUT ROWID;

CREATE TABLE schedules (
  tenant      TEXT    NOT NULL,
  schedule_id TEXT    NOT NULL,
  expression  TEXT    NOT NULL,                 -- five-field cron in UTC, or an interval
  missed      TEXT    NOT NULL,                 -- run_once, skip
  body        TEXT    NOT NULL,                 -- JSON: what to submit
  enabled     INTEGER NOT NULL,
  next_at     INTEGER,
  changed_seq INTEGER NOT NULL,
  changed_at  INTEGER NOT NULL,
  PRIMARY KEY (tenant, schedule_id)
) WITHOUT ROWID;

CREATE TABLE quotas (
  tenant      TEXT    NOT NULL,
  scope       TEXT    NOT NULL,                 -- type:<jobType>, tenant, profile:<name>
  kind        TEXT    NOT NULL,                 -- active, rate
  body        TEXT    NOT NULL,                 -- JSON {maxActive} or {maxPerHour, burst}
  changed_seq INTEGER NOT NULL,
  changed_at  INTEGER NOT NULL,
  arrival     INTEGER,                          -- GCRA: theoretical arrival time; moves with each lease, not an event
  PRIMARY KEY (tenant, scope, kind)
) WITHOUT ROWID;

CREATE TABLE throttles (
  tenant      TEXT    NOT NULL,
  scope       TEXT    NOT NULL,                 -- source:<name>, type:<jobType>, tenant
  kind        TEXT    NOT NULL,                 -- pause, concurrency, blackout, breaker, blacklist
  body        TEXT    NOT NULL,                 -- JSON, with expiresAt when it ends by itself
  changed_seq INTEGER NOT NULL,
  changed_at  INTEGER NOT NULL,
  PRIMARY KEY (tenant, scope, kind)
) WITHOUT ROWID;

CREATE TABLE incidents (
  tenant      TEXT    NOT NULL,
  incident_id TEXT    NOT NULL,
  code        TEXT    NOT NULL,
  state       TEXT    NOT NULL,                 -- open, acknowledged, resolved
  about       TEXT    NOT NULL,                 -- a subject
  detail      TEXT    NOT NULL,
  opened_seq  INTEGER NOT NULL,
  opened_at   INTEGER NOT NULL,
  PRIMARY KEY (tenant, incident_id)
) WITHOUT ROWID;

CREATE TABLE approvals (
  tenant        TEXT    NOT NULL,
  run_id        TEXT    NOT NULL,
  gate_id       TEXT    NOT NULL,
  state         TEXT    NOT NULL,               -- pending, approved, rejected, expired
  plan_hash     BLOB    NOT NULL,
  decisions     TEXT    NOT NULL,               -- JSON array
  requested_seq INTEGER NOT NULL,
  requested_at  INTEGER NOT NULL,
  PRIMARY KEY (tenant, run_id, gate_id)
) WITHOUT ROWID;

CREATE TABLE airgap_state (                     -- sealed mode, trusted time floor, maintenance mode
  tenant      TEXT    NOT NULL,                 -- '' for the whole site
  key         TEXT    NOT NULL,
  value       TEXT    NOT NULL,                 -- JSON
  changed_seq INTEGER NOT NULL,
  PRIMARY KEY (tenant, key)
) WITHOUT ROWID;
