"""A night each day in Airflow 3: one task, the as-of date is the day that has begun in the shop's zone.

Put it into the folder of DAGs. `polytask` must be on the worker's PATH, and FOLDER hold queries/, data/ and reports/.
A night by hand needs a logical date (`airflow dags trigger polytask_shop --logical-date 2026-02-20T05:30:00-05:00`).
"""

from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

FOLDER = "/srv/polytask"
JOB = "shop"
ZONE = "America/New_York"

with DAG(
    dag_id=f"polytask_{JOB}",
    schedule="30 5 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz=ZONE),
    # Nights that were missed are run in order, each with its own date.
    catchup=True,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=10)},
    tags=["polytask"],
) as dag:
    night = BashOperator(
        task_id="night",
        cwd=FOLDER,
        bash_command=(
            f"polytask run queries/{JOB} --as-of {{{{ data_interval_end.in_timezone('{ZONE}').to_date_string() }}}}"
        ),
        # Any code but 0 is a failure; a held night (4) too: somebody reads its report.
        skip_on_exit_code=None,
        execution_timeout=timedelta(hours=6),
    )
