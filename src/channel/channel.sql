-- channel.sql
--		Ways to reach people.

CREATE TABLE hitl.channel_configurations (
	name text PRIMARY KEY,
	active boolean NOT NULL DEFAULT true
);
