"""Addresses of jobs and applications: under ``/c/<company>/`` for members, ``/careers/<company>/`` for everybody."""

from django.urls import path

from applications.views import applications, careers, jobs

company_urlpatterns = [
    path("jobs/", jobs.job_list, name="job_list"),
    path("jobs/new/", jobs.job_new, name="job_new"),
    path("jobs/<slug:job_slug>/", jobs.job_detail, name="job_detail"),
    path("jobs/<slug:job_slug>/edit/", jobs.job_edit, name="job_edit"),
    path("applications/", applications.application_list, name="application_list"),
    path("applications/<uuid:application_id>/", applications.application_detail, name="application_detail"),
    path(
        "applications/<uuid:application_id>/progress/",
        applications.application_progress,
        name="application_progress",
    ),
    path("applications/<uuid:application_id>/cv/", applications.cv_download, name="cv_download"),
    path("applications/<uuid:application_id>/resieve/", applications.application_resieve, name="application_resieve"),
    path("steps/<uuid:step_id>/retry/", applications.step_retry, name="step_retry"),
]

careers_urlpatterns = [
    path("", careers.careers_company, name="careers_company"),
    path("<slug:job_slug>/", careers.careers_job, name="careers_job"),
    path("<slug:job_slug>/thanks/", careers.careers_thanks, name="careers_thanks"),
]
