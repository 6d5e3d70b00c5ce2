"""``python -m PlanningHubCommand``, for Pythons whose scripts are not on the path."""

from PlanningHubCommand.Main import main

if __name__ == "__main__":
    raise SystemExit(main())
