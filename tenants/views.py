"""The way in, members and settings of a company."""

from copy import copy

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenants.access import CompanyRequest, company_view
from tenants.errors import AlreadyMember, LastOwner, NotAMember, RoleNotAllowed
from tenants.forms import CompanyForm, MemberForm, RoleForm, roles_within
from tenants.invitations import send_invitation
from tenants.models import Membership, Role
from tenants.selectors import list_members, list_memberships
from tenants.services import add_member, change_role, remove_member, update_company


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Lead people to their company: signed out to what Winnow is, with several companies to a choice."""
    if not request.user.is_authenticated:
        return render(request, "home.html")
    memberships = list(list_memberships(request.user)[:2])
    if len(memberships) == 1:
        return redirect("job_list", memberships[0].company.slug)
    if memberships:
        return render(request, "home.html")
    return redirect("staff_company_list" if request.user.is_staff else "company_new")


@require_safe
@login_required
def my_tokens(request: HttpRequest) -> HttpResponse:
    """Lead a member to the token page of their company; several companies are a choice, no admin role is 403."""
    memberships = list(list_memberships(request.user))  # type: ignore[arg-type]
    administered = [membership for membership in memberships if membership.can_administer]
    if not memberships:
        return render(request, "tenants/no_company.html")
    if not administered:
        request.membership = memberships[0]  # type: ignore[attr-defined]  # for the page that says who can help
        raise PermissionDenied
    if len(administered) > 1:
        return render(request, "home.html")
    return redirect("token_page", administered[0].company.slug)


@company_view(Role.ADMIN)
@require_safe
def member_list(request: CompanyRequest) -> HttpResponse:
    """Show who belongs to the company."""
    return _render_members(request, MemberForm(acting=request.membership))


@company_view(Role.ADMIN)
@require_POST
def member_add(request: CompanyRequest) -> HttpResponse:
    """Make somebody a member and write to them; for somebody without a password, writing again is all it does."""
    form = MemberForm(request.POST, acting=request.membership)
    if not form.is_valid():
        return _render_members(request, form)
    try:
        membership = add_member(company=request.company, **form.cleaned_data, acting=request.membership)
    except AlreadyMember as already:
        membership = list_members(request.company).get(pk=already.membership_id)
        if membership.user.has_usable_password():
            form.add_error("email", f"{membership.user} is a member already.")
            return _render_members(request, form)
    _invite(request, membership)
    return redirect("member_list", request.company.slug)


@company_view(Role.ADMIN)
@require_POST
def member_role(request: CompanyRequest, membership_id: int) -> HttpResponse:
    """Give a member another role."""
    membership = get_object_or_404(list_members(request.company), pk=membership_id)
    form = RoleForm(request.POST, acting=request.membership)
    if form.is_valid():
        _change_role(request, membership, form.cleaned_data["role"])
    else:
        messages.error(request, "Choose one of the roles that you may give.")
    return redirect("member_list", request.company.slug)


@company_view(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def member_remove(request: CompanyRequest, membership_id: int) -> HttpResponse:
    """Ask whether a member is to be taken out of the company, and take them out."""
    membership = get_object_or_404(list_members(request.company), pk=membership_id)
    if request.method != "POST":
        is_you = membership.user_id == request.user.pk
        context = {"company": request.company, "member": membership, "is_you": is_you}
        return render(request, "tenants/member_remove.html", context)
    try:
        remove_member(membership=membership, acting=request.membership)
    except (LastOwner, RoleNotAllowed, NotAMember) as refusal:
        messages.error(request, _explain(refusal, membership))
        return redirect("member_list", request.company.slug)
    messages.success(request, f"{membership.user} is no longer a member of {request.company}.")
    if membership.user == request.user:
        return redirect("home")
    return redirect("member_list", request.company.slug)


@company_view(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def company_settings(request: CompanyRequest) -> HttpResponse:
    """Change the company's name and time zone; its address stays."""
    # A copy: what was entered and refused must not show in the page's head as if it were the name.
    form = CompanyForm(request.POST if request.method == "POST" else None, instance=copy(request.company))
    if form.is_valid():
        update_company(company=request.company, **form.cleaned_data)
        messages.success(request, "Settings saved.")
        return redirect("company_settings", request.company.slug)
    return render(request, "tenants/company_settings.html", {"company": request.company, "form": form})


def _change_role(request: CompanyRequest, membership: Membership, role: str) -> None:
    try:
        change_role(membership=membership, role=role, acting=request.membership)
    except (LastOwner, RoleNotAllowed, NotAMember) as refusal:
        messages.error(request, _explain(refusal, membership))
    else:
        messages.success(request, f"{membership.user} is now {Role(role).label.lower()}.")


def _explain(refusal: Exception, membership: Membership) -> str:
    match refusal:
        case LastOwner():
            return f"{membership.user} is the last owner. Make somebody else owner first."
        case RoleNotAllowed():
            return f"Only an owner may change {membership.user}."
        case _:
            return f"{membership.user} is no longer a member."


def _invite(request: CompanyRequest, membership: Membership) -> None:
    site_url = f"{request.scheme}://{request.get_host()}"
    person = membership.user
    if send_invitation(membership, invited_by=request.user, site_url=site_url):
        messages.success(request, f"{person} is a member of {membership.company}. An invitation was sent to them.")
    else:
        how = "“Forgot your password?” on the sign-in page" if not person.has_usable_password() else "the sign-in page"
        messages.warning(
            request, f"{person} is a member, but the invitation could not be sent. They can come in through {how}."
        )


def _render_members(request: CompanyRequest, form: MemberForm) -> HttpResponse:
    members = list(list_members(request.company))
    for member in members:
        _add_actions(member, request)
    context = {
        "company": request.company,
        "members": members,
        "roles": roles_within(request.membership),
        "form": form,
        "add_url": reverse("member_add", args=[request.company.slug]),
    }
    return render(request, "tenants/member_list.html", context)


def _add_actions(member: Membership, request: CompanyRequest) -> None:
    """Add to a row what the acting member may do with it; without a URL the page offers nothing."""
    may_change = request.membership.allows(member.role)
    arguments = [request.company.slug, member.pk]
    vars(member).update(
        is_you=member.user_id == request.user.pk,
        may_change=may_change,
        role_url=reverse("member_role", args=arguments) if may_change else "",
        remove_url=reverse("member_remove", args=arguments) if may_change else "",
    )
