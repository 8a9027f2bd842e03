-- What PostgreSQL said besides its message, and which statement it was about. Both may be null.
alter table tenantry.rollout_failure add column detail text, add column statement text;
