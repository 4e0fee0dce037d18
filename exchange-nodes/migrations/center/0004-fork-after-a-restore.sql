-- { generation, sequence, hash }: where the log was when the centre was last restored from a backup. Nodes that know of
-- batches behind it, from before the restore, forget them when this generation begins.
alter table exchange.feed add column fork jsonb;
