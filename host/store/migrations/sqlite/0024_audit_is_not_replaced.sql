-- INSERT OR REPLACE removes the row that is in its way, and no trigger on DELETE sees that. PostgreSQL has no such statement:
-- what ON CONFLICT does there is an UPDATE, which is refused.
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq OR (stream = NEW.stream AND place = NEW.place))
BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
