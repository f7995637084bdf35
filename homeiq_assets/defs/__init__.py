"""Everything that imports Dagster: assets by group, resources, partitions, checks, schedules, sensors."""
