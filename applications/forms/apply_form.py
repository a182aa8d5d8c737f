"""The form with which people apply."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import QueryDict
from django.utils.html import format_html
from django.utils.safestring import SafeString

from applications.extraction import ExtractionError, TooLarge
from applications.services.applying import check_cv

_FORM_FIELDS_BYTES = 1024 * 1024  # beside the file
_WORTH_READING = 10  # times the largest CV: more is no mistake that somebody typed a letter beside


class Trap(forms.TextInput):
    """A field that people neither see nor reach, and that programs fill in."""

    is_hidden = True

    def render(self, name: str, value: Any, attrs: Mapping[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """Draw an empty field outside what is seen, read aloud or tabbed to; what was typed is not repeated."""
        hidden = {**(attrs or {}), "tabindex": "-1", "autocomplete": "off"}
        return format_html(
            '<div class="visually-hidden" aria-hidden="true"><label for="{}">Leave this empty</label>{}</div>',
            hidden.get("id", name),
            super().render(name, None, hidden, renderer),
        )


class ApplyForm(forms.Form):
    """Name, address and CV. The file is looked at, not opened: reading it is the workers' task."""

    name = forms.CharField(label="Full name", max_length=200, widget=forms.TextInput({"autocomplete": "name"}))
    email = forms.EmailField(label="Email", max_length=254, widget=forms.EmailInput({"autocomplete": "email"}))
    phone = forms.CharField(
        label="Phone", max_length=40, required=False, widget=forms.TextInput({"autocomplete": "tel", "type": "tel"})
    )
    cv = forms.FileField(
        label="CV",
        max_length=255,
        allow_empty_file=True,  # refused below, in words that help
        widget=forms.ClearableFileInput({"accept": ".pdf,.docx,.txt"}),
    )
    cover_note = forms.CharField(
        label="Anything to add?", max_length=5000, required=False, widget=forms.Textarea({"rows": 4})
    )
    website = forms.CharField(required=False, widget=Trap)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limit = settings.CV_MAX_BYTES / 1_000_000
        self.fields["cv"].help_text = f"PDF, Word (DOCX) or plain text (TXT), up to {limit:.0f} MB."

    def clean_cv(self) -> "UploadedFile[bytes]":
        """Refuse what is too large, or no CV by its first bytes."""
        cv: UploadedFile[bytes] = self.cleaned_data["cv"]
        try:
            check_cv(cv)
        except ExtractionError as error:
            raise forms.ValidationError(error.message, code=error.code) from error
        return cv

    def clean(self) -> dict[str, Any]:
        """Turn programs away. A person whose browser filled in the trap can simply send the form again."""
        if self.cleaned_data.get("website"):
            raise forms.ValidationError("This could not be accepted. Please send it once more.", code="trap")
        return self.cleaned_data


def is_too_large(content_length: str) -> bool:
    """Tell from a request's Content-Length that its file must be too large, before any of it is read."""
    return content_length.isdigit() and int(content_length) > settings.CV_MAX_BYTES + _FORM_FIELDS_BYTES


def is_worth_reading(content_length: str) -> bool:
    """Tell of a request with too large a file whether what was typed beside it is read, to be given back."""
    return int(content_length) <= _WORTH_READING * settings.CV_MAX_BYTES + _FORM_FIELDS_BYTES


def form_for_too_large(typed: QueryDict | None = None) -> ApplyForm:
    """Make the form that says that the file was too large, with what was ``typed``; None: it has not been read."""
    form = ApplyForm(data={} if typed is None else typed)
    form.full_clean()
    if typed is None:
        form.errors.clear()
    form.errors.pop("cv", None)  # that none was sent: it was dropped
    form.add_error("cv", TooLarge.above(settings.CV_MAX_BYTES).message)
    return form


class DropFiles(FileUploadHandler):
    """Reads the fields of a form and keeps nothing of its files."""

    def new_file(self, *_args: Any, **_kwargs: Any) -> None:
        """Pass over a file."""
        raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Never called."""

    def file_complete(self, file_size: int) -> None:
        """Never called."""
