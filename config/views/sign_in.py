"""Sign in; the sign-out is Django's own."""

from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView


class SignIn(LoginView):
    """Ask for name and password; on an empty product, say how to make the first account."""

    template_name = "config/sign_in.html"
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401 - Django's own
        """Add whether there is anyone who could sign in."""
        return super().get_context_data(has_users=User.objects.exists(), **kwargs)
